import NN
import RecipeKit
import Tensors

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
    /// Channels at the highest resolution, a multiple of 32.
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
    /// Queries, keys and values are cut apart before the heads (true) or after (false): how checkpoints store them.
    public var useNewAttentionOrder = true
    /// The time embedding scales and shifts the second norm (true) or is added before it (false).
    public var useScaleShiftNorm = true
    /// Residual blocks change the resolution (true) or layers of their own do (false).
    public var resblockUpdown = true
    /// Those layers of their own have a convolution (true) or only pool and repeat (false).
    public var convResample = true
    public var dropout = 0.0
    /// Rows of the class embedding, the null class included; by default as the data say.
    public var numClasses: Int? = nil

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try ADMUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkFacts) {
      imageSize = imageSize ?? facts.height
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      numClasses = numClasses ?? facts.classRows
    }

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    /// Heights and widths must be multiples of it.
    public var sizeStep: Int { 1 << max(channelMult.count - 1, 0) }

    public func validate() throws(RecipeError) {
      try require(
        modelChannels > 0 && modelChannels % 32 == 0, "model_channels",
        "expected a multiple of 32, the groups of the norms, found \(modelChannels)")
      try require((1...12).contains(channelMult.count), "channel_mult", "expected 1 to 12 levels, found \(channelMult.count)")
      for mult in channelMult {
        let channels = mult * Double(modelChannels)
        try require(
          channels >= 32 && channels <= 65536 && channels.truncatingRemainder(dividingBy: 32) == 0, "channel_mult",
          "\(mult) makes \(channels) channels; expected a multiple of 32, the groups of the norms")
      }
      try require((1...64).contains(numResBlocks), "num_res_blocks", "expected 1 to 64, found \(numResBlocks)")
      try require(dropout >= 0 && dropout < 1, "dropout", "expected at least 0 and below 1, found \(dropout)")
      try require(numHeads > 0 || numHeadChannels > 0, "num_heads", "expected num_heads or num_head_channels to be positive")
      try validatePositive()
      try validateAttention()
      _ = try plan()
    }

    private func validatePositive() throws(RecipeError) {
      let values = [("in_channels", inChannels), ("out_channels", outChannels), ("num_classes", numClasses), ("image_size", imageSize)]
      for (key, value) in values {
        if let value { try require((1...1_000_000).contains(value), key, "expected 1 or more, found \(value)") }
      }
    }

    private func validateAttention() throws(RecipeError) {
      for resolution in attentionResolutions {
        try require(resolution > 0, "attention_resolutions", "expected image heights, found \(resolution)")
        guard let imageSize else { continue }
        // A power of two, for the heights are halves of each other; below the lowest level it stands for nothing, as in ADM.
        try require(
          imageSize % resolution == 0 && (imageSize / resolution).nonzeroBitCount == 1, "attention_resolutions",
          "\(resolution) is not the height of a level; with image_size \(imageSize) the levels are \(levelSizes(imageSize))")
      }
    }

    private func levelSizes(_ height: Int) -> String {
      (0..<channelMult.count).map { "\(height >> $0)" }.joined(separator: ", ")
    }
  }
}

/// The layers of an ADM UNet, block by block, before any is made.
struct UNetPlan {
  enum Layer {
    case convolution(Int, Int)
    case residual(Int, Int, ResBlock.Resampling)
    case attention(Int, heads: Int)
    case downsample(Int)
    case upsample(Int)
  }
  var input: [[Layer]] = [], middle: [Layer] = [], output: [[Layer]] = []
  var embedding = 0, outputChannels = 0
}

extension ADMUNet.Recipe {
  private func channels(_ level: Int) -> Int { Int(channelMult[level] * Double(modelChannels)) }

  /// Whether attention follows the residual blocks at a level.
  private func hasAttention(_ level: Int) -> Bool {
    let factors = attentionResolutions.map { (imageSize ?? 64) / $0 }
    return factors.contains(1 << level)
  }

  private func attention(_ channels: Int, decoder: Bool) throws(RecipeError) -> UNetPlan.Layer {
    let wanted = decoder && numHeadsUpsample > 0 ? numHeadsUpsample : numHeads
    let heads = numHeadChannels > 0 ? channels / numHeadChannels : wanted
    guard heads > 0, channels % heads == 0, numHeadChannels <= 0 || channels % numHeadChannels == 0 else {
      throw RecipeError(
        place: nil, path: "num_heads", "attention over \(channels) channels: neither num_heads nor num_head_channels divides them")
    }
    return .attention(channels, heads: heads)
  }

  func plan() throws(RecipeError) -> UNetPlan {
    var plan = UNetPlan()
    plan.embedding = 4 * modelChannels
    var current = channels(0)
    var skips = [current]
    plan.input = [[.convolution(resolvedInChannels, current)]]
    for level in channelMult.indices {
      for _ in 0..<numResBlocks {
        var block: [UNetPlan.Layer] = [.residual(current, channels(level), .none)]
        current = channels(level)
        if hasAttention(level) { block.append(try attention(current, decoder: false)) }
        plan.input.append(block)
        skips.append(current)
      }
      if level < channelMult.count - 1 {
        plan.input.append([resblockUpdown ? .residual(current, current, .down) : .downsample(current)])
        skips.append(current)
      }
    }
    plan.middle = [.residual(current, current, .none), try attention(current, decoder: false), .residual(current, current, .none)]
    for level in channelMult.indices.reversed() {
      for i in 0...numResBlocks {
        var block: [UNetPlan.Layer] = [.residual(current + skips.removeLast(), channels(level), .none)]
        current = channels(level)
        if hasAttention(level) { block.append(try attention(current, decoder: true)) }
        if level > 0 && i == numResBlocks { block.append(resblockUpdown ? .residual(current, current, .up) : .upsample(current)) }
        plan.output.append(block)
      }
    }
    plan.outputChannels = current
    return plan
  }
}

extension UNetPlan.Layer {
  func make(_ recipe: ADMUNet.Recipe, embedding: Int, using initializer: Initializer) throws(TorchFault) -> any UNetLayer {
    switch self {
    case .convolution(let inputs, let outputs): Conv2d(inputs, outputs, using: initializer)
    case .residual(let inputs, let outputs, let resampling):
      try ResBlock(inputs, outputs, embedding: embedding, resampling: resampling, recipe, using: initializer)
    case .attention(let channels, let heads):
      try AttentionBlock(channels, heads: heads, order: recipe.useNewAttentionOrder ? .splitFirst : .headsFirst, using: initializer)
    case .downsample(let channels): Downsample(channels, convolution: recipe.convResample, using: initializer)
    case .upsample(let channels): Upsample(channels, convolution: recipe.convResample, using: initializer)
    }
  }
}
