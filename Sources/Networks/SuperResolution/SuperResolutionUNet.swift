import NN
import RecipeKit
import Tensors

/// The super-resolution UNet of guided-diffusion (Dhariwal and Nichol 2021, appendix D): an ADM UNet that reads the low-resolution
/// image, bilinearly enlarged, as further channels; with DL-Art-School's corruption strengths, if wanted, as constant planes after
/// them.
public final class SuperResolutionUNet: DiffusionNetwork {
  public let recipe: Recipe
  let trunk: UNetTrunk<OpenAINames>

  public enum StateKeys: String, CaseIterable { case trunk = "" }

  public struct Recipe: RestoringRecipe, Equatable {
    public static let name = "super_resolution_unet"
    public static let enlarges = true
    /// The UNet; `in_channels` are those of the images.
    public var unet = ADMUNet.Recipe()
    /// How many corruption strengths of the low-resolution image the network takes, 0 for none; nil for one for each corruption of
    /// the training.
    public var numCorruptions: Int?

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try SuperResolutionUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      unet.adapt(to: facts)
      numCorruptions = numCorruptions ?? facts.corruptions
    }

    public var resolvedNumCorruptions: Int { numCorruptions ?? 0 }

    public var augmentationLabels: Int { unet.augmentationLabels }
    /// Each level but the last halves the image.
    public var sizeStep: Int { 1 << max(unet.channelMult.count - 1, 0) }

    public func validate() throws(RecipeError) {
      let count = resolvedNumCorruptions
      try require((0...64).contains(count), "num_corruptions", "expected 0 to 64, found \(count)")
    }

    /// The UNet as it is built: with the channels that it reads besides the noisy image.
    var widened: ADMUNet.Recipe {
      var widened = unet
      widened.inChannels = 2 * unet.resolvedInChannels + resolvedNumCorruptions
      widened.outChannels = unet.resolvedOutChannels
      return widened
    }

    var inputs: NetworkInputs {
      NetworkInputs(
        network: Self.name, channels: unet.resolvedInChannels, labels: unet.numClasses == nil ? .absent : .required,
        context: unet.contextDim == nil ? .absent : .required, contextDim: unet.contextDim ?? 0, lowRes: .required,
        corruptions: resolvedNumCorruptions, augmentations: unet.augmentDim ?? 0)
    }
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    do throws(RecipeError) { try recipe.unet.validate() } catch {
      throw RecipeError(place: error.place, path: "unet.\(error.path)", error.message)
    }
    self.recipe = recipe
    trunk = try UNetTrunk(recipe.widened, using: initializer)
  }

  /// - Parameter conditioning: with `lowRes`; without `corruptionStrengths` all are 0.
  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    trace(x, timesteps: timesteps, conditioning: conditioning, mode: mode) { _, _ in }
  }

  /// The forward pass, which shows `observe` the enlarged image, `low_res_upsampled`, and every block's output.
  package func trace(
    _ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode, observe: BlockObserver
  ) -> Tensor {
    if let problem = recipe.inputs.problem(with: x, timesteps, conditioning) { return problem }
    guard let lowRes = conditioning.lowRes else { return x }
    let (n, height, width) = (x.size(0), x.size(2), x.size(3))
    let enlarged = lowRes.to(x.dtype).interpolate(height: height, width: width, .bilinear)
    observe("low_res_upsampled", enlarged)
    var parts = [x, enlarged]
    if recipe.resolvedNumCorruptions > 0 {
      let factors =
        conditioning.corruptionStrengths?.to(x.dtype) ?? .zeros([n, recipe.resolvedNumCorruptions], dtype: x.dtype, on: x.device)
      parts.append(factors.unsqueeze(-1, -1).expand(-1, -1, height, width))
    }
    return trunk(.cat(parts, dim: 1), timesteps: timesteps, conditioning: conditioning, mode: mode, observe: observe)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
}
