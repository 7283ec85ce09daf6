import Diffusion
import NN
import Networks
import RecipeKit

/// What a model file says of itself: enough to use it without a flag. One type for each kind of model.
public protocol ModelDescription: Recipe {
  static var kind: ModelKind { get }
  /// The word after `type:`, or the network's name where there is but one.
  var networkType: String { get }
  /// Channels, height and width of the images that the network reads, and the names of their classes.
  var images: (shape: [Int], classNames: [String]) { get }
  /// Length of the vectors that the network is told of each image; nil where it takes none.
  var contextSize: Int? { get }
  /// The recipe with what the data decide put where the network leaves it open.
  func adapted() -> Self
  /// The network as the recipe describes it.
  func makeModule(using initializer: Initializer) throws -> any Module
  /// One pass of one image with shapes alone: what would fail at the first use fails here.
  /// - Throws: `WorkflowError` when the network cannot take what the recipe says of the data.
  func tryOut() throws
}

extension ModelDescription {
  public var contextSize: Int? { nil }
}

extension ModelRecipe: ModelDescription {
  public static let kind = ModelKind.denoiser
  public var networkType: String { network.type }
  public var images: (shape: [Int], classNames: [String]) { data.images }
  public var contextSize: Int? { data.contextSize }

  public func adapted() -> Self {
    var (recipe, network) = (self, network.member)
    // Whoever describes a network that takes vectors need not say it again of the data.
    if data.classNames.isEmpty { recipe.data.contextSize = data.contextSize ?? network.contextDim }
    network.adapt(to: data.networkFacts(process.variance))
    recipe.network = Choice(network)
    return recipe
  }

  public func makeModule(using initializer: Initializer) throws -> any Module {
    try network.member.makeNetwork(using: initializer)
  }

  public func tryOut() throws { try NetworkTrial.run(network.member.makeNetwork(using: .shapes), self) }
}

extension ModelKind {
  /// The recipes that describe models of this kind.
  var description: any ModelDescription.Type {
    switch self {
    case .denoiser: ModelRecipe.self
    case .classifier: ClassifierModelRecipe.self
    case .superResolution: SuperResolutionModelRecipe.self
    case .upscaler: UpscalerModelRecipe.self
    }
  }
}

extension DataFacts {
  var images: (shape: [Int], classNames: [String]) { ([channels, height, width], classNames) }

  /// What a network must know of the data.
  func networkFacts(_ variance: Variance) -> NetworkFacts {
    NetworkFacts(
      channels: channels, outputChannels: variance.outputChannels(images: channels), height: height, width: width, classRows: classRows,
      nullClass: nullClass, contextSize: contextSize)
  }
}
