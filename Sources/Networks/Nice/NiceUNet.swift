import NN
import RecipeKit
import Tensors

/// The UNet of nice-diffusion under its own state-dict names: an ADM UNet for square images of one size.
///
/// Among the classes of its checkpoints number 0 is the null class.
public final class NiceUNet: DiffusionNetwork {
  public let recipe: Recipe
  let trunk: UNetTrunk<NiceNames>

  public enum StateKeys: String, CaseIterable { case trunk = "" }

  /// The options of nice-diffusion, in its words and with its defaults.
  public struct Recipe: NetworkRecipe, Equatable {
    public static let name = "nice_unet"
    /// Height and width of the images; by default the height of the data.
    public var resolution: Int? = nil
    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Channels of the output; by default as many as of the input, twice that where the variance is learned.
    public var outChannels: Int? = nil
    /// Channels at the highest resolution before `channelMult`.
    public var modelChannels = 128
    /// Channels of each level, as multiples of `modelChannels`; each further level halves the resolution.
    public var channelMult: [Double] = [1, 2, 4, 8]
    public var numResBlocks = 2
    /// Image heights at which attention follows each residual block.
    public var attentionResolutions: [Int] = [16, 8]
    /// Attention heads, unless `numHeadChannels` decides.
    public var numHeads = 1
    /// Channels of a head.
    public var numHeadChannels: Int? = nil
    /// Queries, keys and values are split before the heads (true) or after (false).
    public var splitQkvFirst = true
    /// The time embedding scales and shifts the second norm (true) or is added before it (false).
    public var useAdaptiveGn = false
    /// Residual blocks change the resolution (true) or layers of their own do (false).
    public var resblockUpdown = false
    /// Those layers have a convolution (true) or only pool and repeat pixels (false).
    public var convResample = true
    public var dropout = 0.0
    /// Rows of the class embedding, the null class included; by default those of the data.
    public var numClasses: Int? = nil
    /// Gradient checkpointing: training recomputes blocks in the backward pass instead of keeping their activations, which takes less
    /// memory and a third more time.
    public var useGradCheckpoints = false

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try NiceUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      resolution = resolution ?? facts.height
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      numClasses = numClasses ?? facts.classRows
    }

    public var resolvedResolution: Int { resolution ?? 64 }

    /// The same network in guided-diffusion's words.
    var unet: ADMUNet.Recipe {
      var unet = ADMUNet.Recipe()
      (unet.imageSize, unet.inChannels, unet.outChannels) = (resolvedResolution, inChannels, outChannels)
      (unet.modelChannels, unet.channelMult, unet.numResBlocks) = (modelChannels, channelMult, numResBlocks)
      (unet.attentionResolutions, unet.numHeads, unet.numHeadChannels) = (attentionResolutions, numHeads, numHeadChannels ?? -1)
      (unet.useNewAttentionOrder, unet.useScaleShiftNorm) = (splitQkvFirst, useAdaptiveGn)
      (unet.resblockUpdown, unet.convResample, unet.dropout) = (resblockUpdown, convResample, dropout)
      (unet.numClasses, unet.useCheckpoint) = (numClasses, useGradCheckpoints)
      return unet
    }

    public func validate() throws(RecipeError) {
      do throws(RecipeError) { try unet.validate() } catch {
        throw RecipeError(place: error.place, path: error.path == "image_size" ? "resolution" : error.path, error.message)
      }
      let step = unet.sizeStep, size = resolvedResolution
      try require(size % step == 0, "resolution", "expected a multiple of \(step), for \(channelMult.count) levels, found \(size)")
    }
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    trunk = try UNetTrunk(recipe.unet, using: initializer)
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    trace(x, timesteps: timesteps, conditioning: conditioning, mode: mode) { _, _ in }
  }

  /// The forward pass, which shows every block's output to `observe` under the block's name.
  package func trace(
    _ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode, observe: BlockObserver
  ) -> Tensor {
    let inputs = NetworkInputs(
      network: Recipe.name, channels: recipe.unet.resolvedInChannels, labels: recipe.numClasses == nil ? .absent : .required)
    if let problem = inputs.problem(with: x, timesteps, conditioning) { return problem }
    let size = recipe.resolvedResolution
    if (x.size(2), x.size(3)) != (size, size) {
      return x.failed(Recipe.name, "expected images of \(size) x \(size), the network's resolution, found \(x.size(2)) x \(x.size(3))")
    }
    return trunk(x, timesteps: timesteps, conditioning: conditioning, mode: mode, observe: observe)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
}
