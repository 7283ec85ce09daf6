import NN
import RecipeKit
import Tensors

/// The classifier of Dhariwal and Nichol 2021: encoder and middle block of an ADM UNet, and a pooling layer that gives logits. Its
/// state-dict names are guided-diffusion's.
public final class EncoderClassifier: NoisyClassifier {
  public let recipe: Recipe
  let encoder: UNetEncoder<OpenAINames>
  let out: any ClassifierPool

  public enum StateKeys: String, CaseIterable { case encoder = "" }

  /// How the features become logits.
  public enum Pool: String, Codable, Sendable, CaseIterable {
    /// The mean over all positions of the middle block's output.
    case adaptive
    /// Attention of the mean over all positions, which fixes the images' size.
    case attention
    /// Two linear maps of the means of every block's output.
    case spatial
    /// The same with a norm and SiLU between them.
    case spatialV2 = "spatial_v2"
  }

  /// The options of guided-diffusion, in its words and with the values of its classifiers.
  public struct Recipe: ClassifierRecipe, Equatable {
    public static let name = "encoder_classifier"
    /// Height of the images; by default that of the data.
    public var imageSize: Int? = nil
    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Classes; by default those of the data.
    public var numClasses: Int? = nil
    /// Channels at the highest resolution before `channelMult`.
    public var modelChannels = 128
    /// Channels of each level, as multiples of `modelChannels`; each further level halves the resolution.
    public var channelMult: [Double] = [1, 2, 3, 4]
    public var numResBlocks = 2
    /// Image heights at which attention follows each residual block.
    public var attentionResolutions: [Int] = [32, 16, 8]
    /// Attention heads; -1 for `numHeadChannels` decides.
    public var numHeads = 1
    /// Channels of a head; -1 for `numHeads` decides.
    public var numHeadChannels = 64
    /// The ADM UNet's option; the pool's own attention is always in the new order.
    public var useNewAttentionOrder = false
    /// The time embedding scales and shifts the second norm (true) or is added before it (false).
    public var useScaleShiftNorm = true
    /// Residual blocks change the resolution (true) or layers of their own do (false).
    public var resblockUpdown = true
    /// Those layers have a convolution (true) or only pool (false).
    public var convResample = true
    public var dropout = 0.0
    public var pool = Pool.attention
    /// Gradient checkpointing: training recomputes blocks in the backward pass instead of keeping their activations, which takes less
    /// memory and a third more time.
    public var useCheckpoint = false

    public init() {}

    public func makeClassifier(using initializer: Initializer) throws -> any NoisyClassifier {
      try EncoderClassifier(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      imageSize = imageSize ?? facts.height
      inChannels = inChannels ?? facts.channels
      numClasses = numClasses ?? facts.classRows
    }

    public var resolvedNumClasses: Int { numClasses ?? 1000 }

    /// The UNet whose first half it is.
    var unet: ADMUNet.Recipe {
      var unet = ADMUNet.Recipe()
      (unet.imageSize, unet.inChannels, unet.modelChannels, unet.channelMult) = (imageSize, inChannels, modelChannels, channelMult)
      (unet.numResBlocks, unet.attentionResolutions, unet.numHeads) = (numResBlocks, attentionResolutions, numHeads)
      (unet.numHeadChannels, unet.useNewAttentionOrder, unet.dropout) = (numHeadChannels, useNewAttentionOrder, dropout)
      (unet.useScaleShiftNorm, unet.resblockUpdown, unet.convResample) = (useScaleShiftNorm, resblockUpdown, convResample)
      unet.useCheckpoint = useCheckpoint
      return unet
    }

    public func validate() throws(RecipeError) {
      try unet.validate()
      try requireCounts([("num_classes", numClasses, 1_000_000)])
      guard pool == .attention else { return }
      try require(
        numHeadChannels > 0, "num_head_channels", "pool attention takes its heads from it; expected 1 or more, found \(numHeadChannels)")
      try require(lowestHeight > 0, "image_size", "images of \(imageSize ?? 0) vanish over \(channelMult.count) levels")
      // It has an embedding for each position of the lowest level.
      try require(
        lowestHeight <= 1024, "image_size",
        "pool attention over \(lowestHeight) x \(lowestHeight) positions; expected at most 1024 x 1024, by smaller images or more levels")
    }

    /// Height and width of the input of the attention pool.
    var lowestHeight: Int { (imageSize ?? 64) >> (channelMult.count - 1) }
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let plan = try recipe.unet.plan()
    encoder = try UNetEncoder(recipe.unet, plan, using: initializer)
    out = try recipe.makePool(plan, using: initializer)
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, mode: Mode) -> Tensor {
    trace(x, timesteps: timesteps, mode: mode) { _, _ in }
  }

  /// The forward pass, which shows every block's output to `observe` under the block's name.
  package func trace(_ x: Tensor, timesteps: Tensor, mode: Mode, observe: BlockObserver) -> Tensor {
    classify(x, timesteps, mode, observe).logits
  }

  public func features(_ x: Tensor, timesteps: Tensor, mode: Mode) -> (features: Tensor, logits: Tensor) {
    classify(x, timesteps, mode) { _, _ in }
  }

  private func classify(
    _ x: Tensor, _ timesteps: Tensor, _ mode: Mode, _ observe: BlockObserver
  ) -> (features: Tensor, logits: Tensor) {
    let inputs = NetworkInputs(network: Recipe.name, channels: recipe.unet.resolvedInChannels)
    if let problem = inputs.problem(with: x, timesteps, .none) { return (problem, problem) }
    let (blocks, middle) = encoder(x, encoder.embed(timesteps, .none), mode: mode, observe: observe)
    let features = out.features(blocks, middle).arising(in: "out")
    return (features.to(.float32), out.logits(features).arising(in: "out").to(.float32))
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
}
