import NN
import RecipeKit

extension UNet2DModel {
  /// The options of diffusers' UNet2DModel, in the words of its `config.json`.
  public struct Recipe: NetworkRecipe, Equatable {
    public static let name = "unet2d_model"

    /// A level of the encoder. The first two change the resolution as `downsample_type` says or, without attention, by a convolution.
    public enum DownBlock: String, Codable, Sendable, CaseIterable {
      case plain = "DownBlock2D"
      case attention = "AttnDownBlock2D"
      case residual = "ResnetDownsampleBlock2D"
    }
    /// A level of the decoder.
    public enum UpBlock: String, Codable, Sendable, CaseIterable {
      case plain = "UpBlock2D"
      case attention = "AttnUpBlock2D"
      case residual = "ResnetUpsampleBlock2D"
    }
    public enum MiddleBlock: String, Codable, Sendable, CaseIterable { case usual = "UNetMidBlock2D" }
    /// How a level with attention changes the resolution.
    public enum Resampler: String, Codable, Sendable, CaseIterable {
      case convolution = "conv"
      case residual = "resnet"
    }
    /// What the embedding of time and class does to the second norm of a residual block.
    public enum TimeScaleShift: String, Codable, Sendable, CaseIterable {
      /// It is added before.
      case added = "default"
      /// It scales and shifts what comes out.
      case scaleShift = "scale_shift"
    }

    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Channels of the output; by default as many as of the input, twice that where the variance is learned.
    public var outChannels: Int? = nil
    /// Maps images in [0, 1] to [-1, 1] first.
    public var centerInputSample = false
    /// Elements of the embedding; by default four times the channels of the first level.
    public var timeEmbeddingDim: Int? = nil
    /// Frequency i of half is 10000^(-i / (half - freq_shift)).
    public var freqShift = 0.0
    /// Cosines before sines (true) or after (false).
    public var flipSinToCos = true
    /// The levels, the highest resolution first.
    public var downBlockTypes: [DownBlock] = [.plain, .attention, .attention, .attention]
    /// Nil for none.
    public var midBlockType: MiddleBlock? = .usual
    /// The levels, the lowest resolution first.
    public var upBlockTypes: [UpBlock] = [.attention, .attention, .attention, .plain]
    /// Channels of each level of the encoder; each further level halves the resolution.
    public var blockOutChannels = [224, 448, 672, 896]
    public var layersPerBlock = 2
    /// The outputs of the middle block's layers are divided by it.
    public var midBlockScaleFactor = 1.0
    /// 1: zeros on all sides before a convolution that halves; 0: to the right and below alone.
    public var downsamplePadding = 1
    public var downsampleType = Resampler.convolution
    public var upsampleType = Resampler.convolution
    public var dropout = 0.0
    /// Channels of a head; nil for one head over all channels.
    public var attentionHeadDim: Int? = 8
    public var normNumGroups = 32
    /// Groups of the norm of the middle block's attention; nil for `norm_num_groups`, or, with scale_shift, for no norm.
    public var attnNormNumGroups: Int? = nil
    public var normEps = 1e-5
    public var resnetTimeScaleShift = TimeScaleShift.added
    /// Whether the middle block attends.
    public var addAttention = true
    /// Rows of the class embedding, the null class included; by default those of the data.
    public var numClassEmbeds: Int? = nil

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try UNet2DModel(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      numClassEmbeds = numClassEmbeds ?? facts.classRows
    }

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    /// Heights and widths are padded to multiples of it.
    public var sizeStep: Int { 1 << max(blockOutChannels.count - 1, 0) }
    var embeddingWidth: Int { timeEmbeddingDim ?? 4 * blockOutChannels[0] }
    /// Groups of the norm of the middle block's attention; nil for no norm.
    var middleAttentionGroups: Int? { attnNormNumGroups ?? (useScaleShiftNorm ? nil : normNumGroups) }
  }
}

extension UNet2DModel.Recipe: ResidualRecipe {
  var useScaleShiftNorm: Bool { resnetTimeScaleShift == .scaleShift }

  func norm(over channels: Int, using initializer: Initializer) -> GroupNorm {
    GroupNorm(channels, groups: normNumGroups, eps: normEps, using: initializer)
  }
}

extension UNet2DModel.Recipe {
  public func validate() throws(RecipeError) {
    try validateLevels()
    try validateRanges()
    try validateAttention()
  }

  /// How many levels a network may have.
  static let levels = 1...12

  private func validateLevels() throws(RecipeError) {
    let count = blockOutChannels.count
    try require(Self.levels.contains(count), "block_out_channels", "expected 1 to 12 levels, found \(count)")
    try require(downBlockTypes.count == count, "down_block_types", "expected \(count), one a level, found \(downBlockTypes.count)")
    try require(upBlockTypes.count == count, "up_block_types", "expected \(count), one a level, found \(upBlockTypes.count)")
    try require((1...65536).contains(normNumGroups), "norm_num_groups", "expected 1 to 65536, found \(normNumGroups)")
    for channels in blockOutChannels {
      try require(
        (1...65536).contains(channels) && channels % normNumGroups == 0, "block_out_channels",
        "expected multiples of norm_num_groups \(normNumGroups), up to 65536, found \(channels)")
    }
    try require((1...64).contains(layersPerBlock), "layers_per_block", "expected 1 to 64, found \(layersPerBlock)")
  }

  private func validateRanges() throws(RecipeError) {
    try requireCounts([
      ("in_channels", inChannels, 4096), ("out_channels", outChannels, 4096), ("time_embedding_dim", timeEmbeddingDim, 1 << 18),
      ("num_class_embeds", numClassEmbeds, 1_000_000),
    ])
    try requireDropout(dropout)
    try require(normEps > 0 && normEps.isFinite, "norm_eps", "expected a number above 0, found \(normEps)")
    try require(
      midBlockScaleFactor > 0 && midBlockScaleFactor.isFinite, "mid_block_scale_factor",
      "expected a number above 0, found \(midBlockScaleFactor)")
    try require((0...1).contains(downsamplePadding), "downsample_padding", "expected 0 or 1, found \(downsamplePadding)")
    let half = blockOutChannels[0] / 2
    try require(
      half > 0 && freqShift < Double(half) && freqShift.isFinite, "freq_shift",
      "expected a number below \(half), half the channels of the first level, found \(freqShift)")
  }

  private func validateAttention() throws(RecipeError) {
    if let width = attentionHeadDim {
      var attending = zip(blockOutChannels, downBlockTypes).filter { $0.1 == .attention }.map(\.0)
      attending += zip(blockOutChannels.reversed(), upBlockTypes).filter { $0.1 == .attention }.map(\.0)
      if midBlockType != nil && addAttention { attending += blockOutChannels.suffix(1) }
      for channels in attending {
        try require(
          width > 0 && width <= channels, "attention_head_dim", "expected 1 to \(channels), the channels of a level, found \(width)")
      }
    }
    if let groups = attnNormNumGroups, let channels = blockOutChannels.last {
      try require(
        groups > 0 && channels % groups == 0, "attn_norm_num_groups", "expected a divisor of \(channels), the last level's, found \(groups)"
      )
    }
  }
}
