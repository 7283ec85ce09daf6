import NN
import RecipeKit
import Tensors

/// A network that classifies noisy images given the timestep, for classifier guidance (Dhariwal and Nichol 2021, section 4).
public protocol NoisyClassifier: Module {
  /// - Parameters:
  ///   - x: noisy images, `[N, C, H, W]`.
  ///   - timesteps: `[N]`, on the original process's scale, whole or fractional.
  ///   - mode: whether dropout is active.
  /// - Returns: logits, `[N, classes]` float32.
  func callAsFunction(_ x: Tensor, timesteps: Tensor, mode: Mode) -> Tensor

  /// The logits and what they are a linear map of, by which sets of images are compared.
  /// - Returns: features `[N, F]` and logits `[N, classes]`, float32.
  func features(_ x: Tensor, timesteps: Tensor, mode: Mode) -> (features: Tensor, logits: Tensor)

  /// The counterpart of `DiffusionNetwork.prepared`. No gradient passes through the copy: guidance needs the network itself.
  func prepared(for dtype: DType) throws -> Self
}

/// The recipe of a classifier, which can make it.
public protocol ClassifierRecipe: RecognisableRecipe {
  func makeClassifier(using initializer: Initializer) throws -> any NoisyClassifier
  /// Fills in, where the recipe leaves them open, the options that follow from the data. `classRows` are the classes; there is no null
  /// class.
  mutating func adapt(to facts: NetworkInputSpec)
}

extension ClassifierRecipe {
  public func makeModule(using initializer: Initializer) throws -> any Module { try makeClassifier(using: initializer) }
}
