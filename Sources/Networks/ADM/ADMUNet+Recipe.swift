import NN
import RecipeKit

extension ADMUNet {
  /// The options of guided-diffusion and improved-diffusion, in their words.
  public struct Recipe: NetworkRecipe, Equatable {
    public static let name = "adm_unet"
    /// Height of the images for which `attentionResolutions` are meant; by default that of the data.
    public var imageSize: Int? = nil
    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Channels of the output; by default as many as of the input, twice that where the variance is learned.
    public var outChannels: Int? = nil
    /// Channels at the highest resolution before `channelMult`.
    public var modelChannels = 128
    /// Channels of each level, as multiples of `modelChannels`; each further level halves the resolution.
    public var channelMult: [Double] = [1, 2, 2, 2]
    public var numResBlocks = 2
    /// Image heights at which attention follows each residual block.
    public var attentionResolutions: [Int] = [16]
    /// Attention heads; -1 for `numHeadChannels` decides.
    public var numHeads = 1
    /// Channels of a head; -1 for `numHeads` decides.
    public var numHeadChannels = -1
    /// Heads of the decoder; -1 for the same as of the encoder.
    public var numHeadsUpsample = -1
    /// Queries, keys and values are split before the heads (true) or after (false): how checkpoints store them.
    public var useNewAttentionOrder = true
    /// The time embedding scales and shifts the second norm (true) or is added before it (false).
    public var useScaleShiftNorm = true
    /// Residual blocks change the resolution (true) or layers of their own do (false).
    public var resblockUpdown = true
    /// Those layers have a convolution (true) or only pool and repeat pixels (false).
    public var convResample = true
    public var dropout = 0.0
    public var normalization = Normalization.openai
    /// Rows of the class embedding, the null class included; by default those of the data.
    public var numClasses: Int? = nil
    /// Length of the context vectors, whose linear map is added to the time embedding; by default those of the data, if any.
    public var contextDim: Int? = nil
    /// Length of the augmentation labels, whose linear map is added to the sinusoidal embedding of time; by default as many as the
    /// training's augmentation has, none without. A training that is resumed without augmentation needs the number.
    public var augmentDim: Int? = nil
    /// Gradient checkpointing: training recomputes blocks in the backward pass instead of keeping their activations, which takes less
    /// memory and a third more time.
    public var useCheckpoint = false

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try ADMUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      imageSize = imageSize ?? facts.height
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      numClasses = numClasses ?? facts.classRows
      contextDim = contextDim ?? facts.contextSize
      augmentDim = augmentDim ?? facts.augmentationLabels
    }

    public var augmentationLabels: Int { augmentDim ?? 0 }

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    /// Heights and widths are padded to multiples of it.
    public var sizeStep: Int { 1 << max(channelMult.count - 1, 0) }
    /// Height of the highest level for images of `imageSize`.
    var fullHeight: Int { ((imageSize ?? 64) + sizeStep - 1) / sizeStep * sizeStep }

    /// How many levels a network may have. Twelve halve 4096 rows to two.
    static let levels = 1...12

    public func validate() throws(RecipeError) {
      try require(Self.levels.contains(channelMult.count), "channel_mult", "expected 1 to 12 levels, found \(channelMult.count)")
      try validateChannels()
      for (key, heads) in [("num_heads", numHeads), ("num_head_channels", numHeadChannels), ("num_heads_upsample", numHeadsUpsample)] {
        try require((-1...65536).contains(heads), key, "expected -1 to 65536, found \(heads)")
      }
      try require((1...64).contains(numResBlocks), "num_res_blocks", "expected 1 to 64, found \(numResBlocks)")
      try requireDropout(dropout)
      try require(numHeads > 0 || numHeadChannels > 0, "num_heads", "expected num_heads or num_head_channels to be positive")
      try requireCounts([
        ("in_channels", inChannels, 4096), ("out_channels", outChannels, 4096), ("num_classes", numClasses, 1_000_000),
        ("context_dim", contextDim, 1_000_000), ("augment_dim", augmentDim, 4096), ("image_size", imageSize, 65536),
      ])
      try validateAttention()
      _ = try plan()
    }

    private func validateChannels() throws(RecipeError) {
      let step = normalization.step, what = "a multiple of \(step), for the groups of the norms"
      try require(
        (1...65536).contains(modelChannels) && modelChannels % step == 0, "model_channels", "expected \(what), found \(modelChannels)")
      for (level, mult) in channelMult.enumerated() {
        let product = mult * Double(modelChannels)
        try require(product <= 65536, "channel_mult", "\(mult) makes \(product) channels; expected at most 65536")
        let made = product >= 1 ? channels(level) : 0
        try require(made > 0 && made % step == 0, "channel_mult", "\(mult) makes \(made) channels; expected \(what)")
      }
    }

    private func validateAttention() throws(RecipeError) {
      let count = attentionResolutions.count
      try require(count <= 64, "attention_resolutions", "expected at most 64 image heights, found \(count)")
      for resolution in attentionResolutions {
        try require(resolution > 0, "attention_resolutions", "expected image heights, found \(resolution)")
        guard let imageSize else { continue }
        // A power of two, for the heights are halves of each other; below the lowest level it has no effect, as in ADM.
        let levels = channelMult.indices.map { "\(fullHeight >> $0)" }.joined(separator: ", ")
        try require(
          fullHeight % resolution == 0 && (fullHeight / resolution).nonzeroBitCount == 1, "attention_resolutions",
          "\(resolution) is not the height of a level; with image_size \(imageSize) the levels are \(levels)")
      }
    }
  }
}
