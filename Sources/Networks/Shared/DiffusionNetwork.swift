import NN
import RecipeKit
import Tensors

/// A denoising network: from noisy images and the timestep it predicts noise, clean images or velocity, as its training decided.
public protocol DiffusionNetwork: Module {
  /// - Parameters:
  ///   - x: noisy images, `[N, C, H, W]`.
  ///   - timesteps: `[N]`, on the original process's scale, whole or fractional.
  ///   - mode: whether dropout is active.
  /// - Returns: `[N, C', H, W]` float32.
  func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor

  /// A copy for inference alone: weights cast to `dtype` and, where that is faster, packed, once. Later changes of this
  /// network do not reach it, and it cannot be saved.
  func prepared(for dtype: DType) throws -> Self

  /// The encoder of the texts that the network takes; nil where it takes none.
  var textEncoder: TextEncoder? { get }
}

extension Module {
  /// `copy`, a module of the same recipe with shapes alone, given this one's weights and prepared for inference.
  func prepared<Copy: Module>(as copy: Copy, for dtype: DType) throws -> Copy {
    if modules().contains(where: { ($0.module as? any PreparedOnce)?.preparedDType != nil }) {
      throw TorchFault(operation: "prepared", message: "the network is prepared already; prepare the one it was made from")
    }
    for ((_, to), (_, from)) in zip(copy.state(), state()) {
      switch to {
      case .parameter(let parameter): parameter.replace(with: from.value.detach())
      case .buffer(let buffer): buffer.replace(with: from.value.detach())
      }
    }
    for (_, module) in copy.modules() { try (module as? any Preparable)?.prepare(for: dtype) }
    return copy
  }
}

/// The part of a network that knows whether the network is a copy for inference.
protocol PreparedOnce: Preparable {
  var preparedDType: DType? { get }
}

/// The recipe of a denoising network, which can make it.
public protocol NetworkRecipe: RecognisableRecipe {
  func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork
  /// Length of the context vectors that the network takes, such as text embeddings; nil where it takes none.
  var contextDim: Int? { get }
  /// Fills in, where the recipe leaves them open, the options that follow from the data and the process.
  mutating func adapt(to facts: NetworkInputSpec)
  /// Length of the augmentation labels that the network takes; 0 where it takes none.
  var augmentationLabels: Int { get }
}

extension NetworkRecipe {
  public var contextDim: Int? { nil }
  public var augmentationLabels: Int { 0 }
  public func makeModule(using initializer: Initializer) throws -> any Module { try makeNetwork(using: initializer) }
}

/// The options of a network that follow from the data and the process.
public struct NetworkInputSpec: Sendable, Equatable {
  /// Channels of the images; channels of the output (twice as many where the variance is learned too).
  public var channels: Int, outputChannels: Int
  public var height: Int, width: Int
  /// Rows of the class embedding, the null class included; nil without classes.
  public var classRows: Int?
  /// The class number that stands for "no class"; nil where there is none.
  public var nullClass: Int?
  /// Length of the context vectors that images have in place of classes; nil without.
  public var contextSize: Int?
  /// Length of the augmentation labels; nil where training has none.
  public var augmentationLabels: Int?
  /// Corruptions whose strengths are given with the images to restore; nil where there are none.
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
