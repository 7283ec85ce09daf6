import NN
import RecipeKit
import Tensors

/// The UNet of Dhariwal and Nichol 2021, "Diffusion Models Beat GANs on Image Synthesis" (ADM), under the state-dict names
/// of guided-diffusion.
///
/// Images of any size: they are padded to the next size that the levels can halve, and the result is cropped again.
/// Convolutions run channels-last.
public final class ADMUNet: DiffusionNetwork {
  public let recipe: Recipe
  let trunk: UNetTrunk<OpenAINames>

  public enum StateKeys: String, CaseIterable { case trunk = "" }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    trunk = try UNetTrunk(recipe, using: initializer)
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    trace(x, timesteps: timesteps, conditioning: conditioning, mode: mode) { _, _ in }
  }

  /// The forward pass, which shows every block's output to `observe` under the block's name.
  package func trace(
    _ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode, observe: BlockObserver
  ) -> Tensor {
    recipe.inputs.problem(with: x, timesteps, conditioning)
      ?? trunk(x, timesteps: timesteps, conditioning: conditioning, mode: mode, observe: observe)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
}

extension ADMUNet.Recipe {
  var inputs: NetworkInputs {
    NetworkInputs(
      network: Self.name, channels: resolvedInChannels, labels: numClasses == nil ? .absent : .required,
      context: contextDim == nil ? .absent : .required, contextDim: contextDim ?? 0,
      augmentations: augmentDim ?? 0)
  }
}
