import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// A summary of a model's network.
public struct NetworkSummary: Codable, Sendable, Equatable {
  /// The recipe's `type`.
  public var type: String
  /// Channels, height, width of the images.
  public var image: [Int]
  public var classNames: [String]
  /// Length of the context vectors that the network takes in place of classes; nil if none.
  public var contextSize: Int?
  /// The longest text in bytes that it takes, of which its encoder makes such a vector; nil if none.
  public var textLength: Int?
  /// The input of a network that restores pictures; nil for other networks.
  public var restoration: RestorationFacts?
  /// Floating-point operations of a forward pass of one image; a multiply-add counts as two.
  public var flopsPerImage: Double
  /// The presets with these shapes, for a file without a recipe.
  public var presets: [String] = []
  /// Whether the file does not determine the image size, so that `image` is an assumption.
  public var isSizeAssumed = false

  /// - Parameter yaml: the recipe of a model file.
  /// - Throws: `RecipeError` for a recipe that this version cannot decode, `SfumatoError` for a network that does not take its images.
  public init(recipe yaml: String) throws { try self.init(Self.model(recipe: yaml)) }

  static func model(recipe yaml: String) throws -> any ModelDescription {
    let file = "the recipe in the file"
    return try ModelKind(ofRecipe: yaml, file: file).description.init(yaml: yaml, file: file)
  }

  init(_ found: RecognisedNetwork) throws {
    try self.init(found.model)
    (presets, isSizeAssumed) = (found.presets, !found.knowsSize)
    classNames = []  // their number is known, their names are not
  }

  init(_ given: some ModelDescription) throws {
    let recipe = given.adapted()
    type = recipe.networkType
    (image, classNames) = recipe.images
    (contextSize, textLength, restoration) = (recipe.contextSize, recipe.textLength, recipe.restoration)
    var failure: (any Error)?
    let operations = OperationCount.measure {
      do { try recipe.tryOut() } catch { failure = error }
    }
    if let failure { throw failure }
    flopsPerImage = operations.flops
  }
}

/// A summary of an upscaler from the shapes of its tensors.
public struct UpscalerSummary: Codable, Sendable, Equatable {
  /// Upscaling factor, and channels of input and output.
  public var scale: Int, channels: Int
  /// Residual blocks or plain convolutions, channels between them, and growth channels of a dense block.
  public var blocks: Int, features: Int, growth: Int?
  /// Floating-point operations per input pixel; a multiply-add counts as two.
  public var flopsPerPixel: Double

  /// - Returns: nil when the shapes are not an upscaler's.
  init?(_ tensors: [Inspection.TensorFacts]) throws {
    let found = UpscalerRegistry.recognised(from: CheckpointShapes(tensors.map { ($0.name, $0.shape) }), side: 64)
    guard let recipe = found?.recipe as? any UpscalerRecipe else { return nil }
    let network = try recipe.makeUpscaler(using: .shapes)
    (scale, channels) = (recipe.scale, recipe.numInCh)
    (blocks, features, growth) = recipe.size
    let side = 64
    let count = OperationCount.measure { withoutGradient { _ = network(.empty([1, recipe.numInCh, side, side], on: .meta)) } }
    flopsPerPixel = count.flops / Double(side * side)
  }
}
