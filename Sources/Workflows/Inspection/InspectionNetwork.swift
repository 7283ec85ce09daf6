import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// What a model's recipe says of its network.
public struct NetworkSummary: Codable, Sendable, Equatable {
  /// The word after `type:`.
  public var type: String
  /// Channels, height, width of the images.
  public var image: [Int]
  public var classNames: [String]
  /// Length of the vectors that the network is told in place of classes; nil where it takes none.
  public var contextSize: Int?
  /// What it is given of a picture to restore; nil where it draws from noise alone, and for networks that are no denoisers.
  public var restoration: RestorationFacts?
  /// Floating-point operations of a forward pass of one image, a multiplication and an addition counted as two.
  public var flopsPerImage: Double
  /// Of a file without a recipe: the presets whose shapes these are.
  public var presets: [String] = []
  /// Whether nothing in the file tells how large its images are, so that the size above is only taken to be.
  public var isSizeAssumed = false

  /// - Parameter yaml: the recipe that a model file carries.
  /// - Throws: `RecipeError` for a recipe that this version does not understand, `SfumatoError` for a network that does not
  ///   take its images.
  public init(recipe yaml: String) throws { try self.init(Self.model(recipe: yaml)) }

  static func model(recipe yaml: String) throws -> any ModelDescription {
    let file = "the recipe in the file"
    return try ModelKind(ofRecipe: yaml, file: file).description.init(yaml: yaml, file: file)
  }

  init(_ found: RecognisedNetwork) throws {
    try self.init(found.model)
    (presets, isSizeAssumed) = (found.presets, !found.knowsSize)
    classNames = []  // their number is known, not what they are called
  }

  init(_ given: some ModelDescription) throws {
    let recipe = given.adapted()
    type = recipe.networkType
    (image, classNames) = recipe.images
    (contextSize, restoration) = (recipe.contextSize, recipe.restoration)
    var failure: (any Error)?
    let operations = OperationCount.measure {
      do { try recipe.tryOut() } catch { failure = error }
    }
    if let failure { throw failure }
    flopsPerImage = operations.flops
  }
}

/// What the shapes of an upscaler's tensors say of it.
public struct UpscalerSummary: Codable, Sendable, Equatable {
  /// Rows and columns of the result for each of the picture; channels of both.
  public var scale: Int, channels: Int
  /// Residual blocks or plain convolutions, channels between them, and channels that each convolution of a dense block adds.
  public var blocks: Int, features: Int, growth: Int?
  /// Floating-point operations for each pixel of the picture, a multiplication and an addition counted as two.
  public var flopsPerPixel: Double

  /// - Returns: nil for the shapes of no upscaler.
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
