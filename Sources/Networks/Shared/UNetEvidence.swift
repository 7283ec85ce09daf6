/// What the names and shapes of a UNet's checkpoint show of its options. Heads, the order of attention, dropout and the process
/// leave no trace in them.
struct UNetEvidence {
  var modelChannels: Int
  /// Channels that the first convolution reads; of the output, nil for a classifier.
  var inChannels: Int, outChannels: Int?
  var numClasses: Int?, contextDim: Int?, augmentDim: Int?
  var channelMult: [Double], numResBlocks: Int
  /// Levels with attention, 0 the highest.
  var attentionLevels: [Int]
  var useScaleShiftNorm: Bool
  /// Whether residual blocks change the resolution; nil with a single level, which leaves no trace of it.
  var resblockUpdown: Bool?
  /// Whether layers of their own that change the resolution have a convolution; nil where there are none.
  var convResample: Bool?
  /// Whether there is a decoder, which a classifier lacks.
  var hasDecoder: Bool

  /// A system's names for what is looked at.
  struct Words {
    let input: String, output: String, time: String, labels: String
    /// Names of the layers in a residual block and in an attention block.
    let conv1: String, conv2: String, embedding: String, qkv: String
    /// The name of a layer that halves the resolution.
    let downsample: String
    static let openAI = Words(
      input: "input_blocks", output: "output_blocks", time: "time_embed.0.weight", labels: "label_emb.weight",
      conv1: "in_layers.2.weight", conv2: "out_layers.3.weight", embedding: "emb_layers.1.weight", qkv: "qkv.weight",
      downsample: "op.weight")
    static let nice = Words(
      input: "downsampling", output: "upsampling", time: "step_embed.0.weight", labels: "class_embedding.weight", conv1: "in_conv.weight",
      conv2: "out_conv.weight", embedding: "step_embedding.weight", qkv: "qkv_nin.weight", downsample: "conv.weight")
  }

  /// - Parameter numResBlocks: the recipe's, where the shapes do not show where a level ends.
  /// - Returns: nil for the checkpoint of a network with other names, or of more levels than any recipe may have.
  init?(_ shapes: CheckpointShapes, _ words: Words, numResBlocks assumed: Int = 2) {
    let inputs = Self.count(words.input, shapes), outputs = Self.count(words.output, shapes)
    guard let modelChannels = shapes.size(words.time, 1), let inChannels = shapes.size("\(words.input).0.0.weight", 1), inputs > 1,
      modelChannels > 0
    else { return nil }
    let isResidual = (0..<inputs).map { shapes.has("\(words.input).\($0).0.\(words.conv1)") }
    let resamplings = (1..<inputs).count { !isResidual[$0] }
    let enlargings = (0..<outputs).count { block in
      (1...2).contains { layer in
        shapes.has("\(words.output).\(block).\(layer).\(words.conv1)") || shapes.has("\(words.output).\(block).\(layer).conv.weight")
      }
    }
    let levels = resamplings > 0 ? resamplings + 1 : outputs > 0 ? enlargings + 1 : inputs / (max(assumed, 1) + 1)
    guard ADMUNet.Recipe.levels.contains(levels), inputs % levels == 0, inputs / levels > 1 else { return nil }
    let stride = inputs / levels
    let channels = (0..<levels).compactMap { shapes.size("\(words.input).\($0 * stride + 1).0.\(words.conv2)", 0) }
    guard channels.count == levels else { return nil }
    self.modelChannels = modelChannels
    self.inChannels = inChannels
    hasDecoder = outputs > 0
    outChannels = hasDecoder ? shapes.size("out.2.weight", 0) : nil
    numClasses = shapes.size(words.labels, 0)
    contextDim = shapes.size("context_emb.weight", 1)
    augmentDim = shapes.size("map_augment.weight", 1)
    channelMult = channels.map { Double($0) / Double(modelChannels) }
    numResBlocks = stride - 1
    attentionLevels = (0..<levels).filter { level in
      (1..<stride).contains { shapes.has("\(words.input).\(level * stride + $0).1.\(words.qkv)") }
    }
    useScaleShiftNorm = shapes.size("\(words.input).1.0.\(words.embedding)", 0) == 2 * channels[0]
    resblockUpdown = levels > 1 ? isResidual[stride] : nil
    convResample = resblockUpdown == false ? shapes.has("\(words.input).\(stride).0.\(words.downsample)") : nil
  }

  /// The number of blocks. One that only pools has no tensors, so that the highest number decides.
  private static func count(_ name: String, _ shapes: CheckpointShapes) -> Int {
    let prefix = "\(name)."
    let numbers = shapes.names.compactMap { key in
      key.hasPrefix(prefix) ? key.dropFirst(prefix.count).split(separator: ".").first.flatMap { Int($0) } : nil
    }
    let highest = numbers.max() ?? -1
    return highest < 10_000 ? highest + 1 : 0
  }

  /// A recipe's image heights with attention: its own list where it means the levels that the shapes show, whatever its order and
  /// whatever in it matches no level.
  func attentionResolutions(_ own: [Int], imageSize: Int?, levels: Int) -> [Int] {
    guard let imageSize else { return own }
    let full = sideThatHalves(imageSize, levels: levels)
    let meant = (0..<levels).filter { level in own.contains { $0 << level == full } }
    return meant == attentionLevels ? own : attentionLevels.map { full >> $0 }
  }

  /// What a network of this evidence reads and gives.
  /// - Parameters:
  ///   - channels: of the images.
  ///   - side: their rows and columns, or fewer than the levels can halve.
  func inputs(channels: Int, side: Int) -> NetworkInputSpec {
    let side = sideThatHalves(side, levels: channelMult.count)
    return NetworkInputSpec(
      channels: channels, outputChannels: outChannels ?? channels, height: side, width: side, classRows: numClasses,
      contextSize: numClasses == nil ? contextDim : nil, augmentationLabels: augmentDim)
  }

  /// Channels of the images, and corruption strengths, of a network that reads a low-resolution image beside the noisy one; nil for
  /// another. Up to 4 channels that come out as they go in may belong to either, and are taken for a plain network's.
  var superResolution: (channels: Int, corruptions: Int)? {
    guard let outChannels, outChannels != 2 * inChannels, outChannels != inChannels || inChannels > 4 else { return nil }
    let channels = [1, 3, 4, 2].first { inChannels >= 2 * $0 && [$0, 2 * $0].contains(outChannels) }
    return channels.map { ($0, inChannels - 2 * $0) }
  }
}
