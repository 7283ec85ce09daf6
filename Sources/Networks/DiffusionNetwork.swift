import NN
import RecipeKit
import Tensors

/// A network that reads noisy images and the timestep, and gives what its training asked for: noise, images or velocity.
public protocol DiffusionNetwork: Module {
  /// - Parameters:
  ///   - x: noisy images, `[N, C, H, W]`.
  ///   - timesteps: `[N]`, on the original process's scale, whole or fractional.
  ///   - mode: whether dropout draws.
  /// - Returns: `[N, C', H, W]` float32.
  func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor

  /// A copy for inference alone: weights cast to `dtype` and, where that is faster, packed, once. Later changes of this
  /// network do not reach it, and it cannot be saved.
  func prepared(for dtype: DType) throws -> Self
}

extension Module {
  /// `copy`, a module of the same recipe with shapes alone, with this one's numbers and ready for inference.
  func prepared<Copy: Module>(as copy: Copy, for dtype: DType) throws -> Copy {
    if modules().contains(where: { ($0.module as? any PreparedOnce)?.preparedDType != nil }) {
      throw TorchFault(operation: "prepared", message: "the network is prepared already; prepare the one it was made from")
    }
    for ((_, to), (_, from)) in zip(copy.state(), state()) {
      if case .parameter(let parameter) = to { parameter.replace(with: from.value.detach()) }
    }
    for (_, module) in copy.modules() { try (module as? any Preparable)?.prepare(for: dtype) }
    return copy
  }
}

/// The part of a network that knows whether the network is a copy for inference.
protocol PreparedOnce: Preparable {
  var preparedDType: DType? { get }
}

/// The recipe of a network, which can make it.
public protocol NetworkRecipe: NamedRecipe {
  func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork
  /// Length of the free vectors that the network is told, such as the embeddings of texts; nil where it takes none.
  var contextDim: Int? { get }
  /// What the data and the process decide, put where the recipe leaves it open.
  mutating func adapt(to facts: NetworkInputSpec)
  /// How many numbers it can be told of an image's augmentation; 0 for a network that knows of none.
  var augmentationLabels: Int { get }
}

extension NetworkRecipe {
  public var contextDim: Int? { nil }
  public var augmentationLabels: Int { 0 }
}

/// What a network must know of data and process.
public struct NetworkInputSpec: Sendable, Equatable {
  /// Channels of the images; channels of the output (twice as many where the variance is learned too).
  public var channels: Int, outputChannels: Int
  public var height: Int, width: Int
  /// Rows of the class embedding, the null class included; nil without classes.
  public var classRows: Int?
  /// The class number that stands for "no class"; nil where there is none.
  public var nullClass: Int?
  /// Length of the vectors that images come with in place of classes; nil without.
  public var contextSize: Int?
  /// Numbers that tell of an image's augmentation; nil where training has none.
  public var augmentationLabels: Int?
  /// Corruptions whose strengths come with the images to restore; nil where there are none such.
  public var corruptions: Int?

  public init(
    channels: Int, outputChannels: Int, height: Int, width: Int, classRows: Int?, nullClass: Int? = nil, contextSize: Int? = nil,
    augmentationLabels: Int? = nil, corruptions: Int? = nil
  ) {
    self.channels = channels
    self.outputChannels = outputChannels
    self.height = height
    self.width = width
    self.classRows = classRows
    self.nullClass = nullClass
    self.contextSize = contextSize
    self.augmentationLabels = augmentationLabels
    self.corruptions = corruptions
  }
}

/// Every kind of denoising network, by the name that stands under `type:` in a recipe.
public enum NetworkRegistry: RecipeRegistry {
  public typealias Member = any NetworkRecipe
  public static let all: [any NamedRecipe.Type] = [
    ADMUNet.Recipe.self, NiceUNet.Recipe.self, ContextUNet.Recipe.self, UNet2DModel.Recipe.self,
  ]
}
