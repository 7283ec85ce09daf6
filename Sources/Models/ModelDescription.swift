import Diffusion
import NN
import Networks
import RecipeKit

/// The recipe in a model file: enough to use it without a flag. One type for each kind of model.
public protocol ModelDescription: Recipe {
  static var kind: ModelKind { get }
  /// The recipe of the network.
  var networkRecipe: any RecognisableRecipe { get }
  /// Channels, height and width of the images that the network reads, and the names of their classes.
  var images: (shape: [Int], classNames: [String]) { get }
  /// Length of the context vectors that the network takes, one for each image; nil where it takes none.
  var contextSize: Int? { get }
  /// The longest text that the network takes, in bytes; nil where it takes none.
  var textLength: Int? { get }
  /// The degraded picture that the network takes; nil where it takes none.
  var restoration: RestorationFacts? { get }
  /// The recipe with the network's open options filled in from the data.
  func adapted() -> Self
  /// The network as the recipe describes it.
  func makeModule(using initializer: Initializer) throws -> any Module
  /// One pass of one image with shapes alone: what would fail at the first use fails here.
  /// - Throws: `SfumatoError` when the network cannot take what the recipe says of the data.
  func tryOut() throws
  /// The model whose network has exactly the tensors of a checkpoint without a recipe; nil for a network of no registry.
  /// - Parameter side: rows and columns of the images, where the shapes do not show them.
  static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedModel?
}

extension ModelDescription {
  /// The word after `type:`, or the network's name where there is but one.
  public var networkType: String { type(of: networkRecipe).name }
  public func makeModule(using initializer: Initializer) throws -> any Module { try networkRecipe.makeModule(using: initializer) }
  public var contextSize: Int? { nil }
  public var textLength: Int? { nil }
  public var restoration: RestorationFacts? { nil }
}

/// The input of a network that restores pictures.
public struct RestorationFacts: Codable, Sendable, Equatable {
  /// Channels, height and width of the degraded pictures.
  public var image: [Int]
  /// The corruptions whose strengths it takes, in their order; empty where it takes none or their names are not known.
  public var corruptionNames: [String]

  public init(image: [Int], corruptionNames: [String]) {
    self.image = image
    self.corruptionNames = corruptionNames
  }
}

/// A model that training makes, with the properties of the data that it is trained on.
public protocol TrainableModelRecipe: ModelDescription {
  var data: DataSpec { get set }
}

/// A model whose network predicts noise or an equivalent.
public protocol DiffusionModelRecipe: TrainableModelRecipe {
  var process: ProcessRecipe { get set }
  var sampler: Choice<SamplerRegistry> { get set }
  var sampling: SamplingRecipe { get set }
  func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork
}

extension DiffusionModelRecipe {
  public var images: (shape: [Int], classNames: [String]) { data.images }
  public var contextSize: Int? { data.contextSize }
}

extension ModelRecipe: DiffusionModelRecipe {
  public static let kind = ModelKind.denoiser
  public var networkRecipe: any RecognisableRecipe { network.member }

  public func adapted() -> Self {
    var (recipe, network) = (self, network.member)
    // A recipe whose network takes context vectors need not repeat it for the data.
    if data.classNames.isEmpty { recipe.data.contextSize = data.contextSize ?? textEncoder?.width ?? network.contextDim }
    network.adapt(to: recipe.data.networkInputSpec(process.variance))
    recipe.network = Choice(network)
    return recipe
  }

  public var textLength: Int? { textEncoder?.maxLength }

  public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
    let denoiser = try network.member.makeNetwork(using: initializer)
    guard let textEncoder else { return denoiser }
    return TextConditionedNetwork(denoiser, encoder: try TextEncoder(textEncoder, using: initializer))
  }

  public func makeModule(using initializer: Initializer) throws -> any Module { try makeNetwork(using: initializer) }

  public func tryOut() throws { try NetworkDryRun.run(makeNetwork(using: .shapes), self) }

  public static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedModel? {
    NetworkRegistry.recognised(from: shapes, side: side).map { found in
      var model = Self()
      (model.data, model.process) = (DataSpec(found.inputs), ProcessRecipe(found.inputs))
      model.network = Choice(found.recipe)
      return RecognisedModel(model, found)
    }
  }
}

extension ModelKind {
  /// The recipes that describe models of this kind.
  package var description: any ModelDescription.Type {
    switch self {
    case .denoiser: ModelRecipe.self
    case .classifier: ClassifierModelRecipe.self
    case .superResolution: SuperResolutionModelRecipe.self
    case .upscaler: UpscalerModelRecipe.self
    }
  }
}
