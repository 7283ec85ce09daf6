/// What the names and shapes of a UNet's state dict say of its options. Heads, the order of attention, dropout and the process
/// leave no trace in them.
package struct UNetEvidence {
  package var modelChannels: Int
  /// Channels that the first convolution reads; of the output, nil for a classifier.
  package var inChannels: Int, outChannels: Int?
  package var numClasses: Int?, contextDim: Int?
  package var channelMult: [Double], numResBlocks: Int
  /// Levels with attention, 0 the highest.
  package var attentionLevels: [Int]
  package var useScaleShiftNorm: Bool, resblockUpdown: Bool
  /// Whether layers that change the resolution by themselves have a convolution; true where there are none.
  package var convResample: Bool

  /// A system's words for what is looked at.
  package struct Words {
    package let input: String, output: String, time: String, labels: String
    /// Of a residual block and of an attention block.
    let conv1: String, conv2: String, embedding: String, qkv: String
    /// Of a layer that halves the resolution.
    let downsample: String
    package static let openAI = Words(
      input: "input_blocks", output: "output_blocks", time: "time_embed.0.weight", labels: "label_emb.weight",
      conv1: "in_layers.2.weight", conv2: "out_layers.3.weight", embedding: "emb_layers.1.weight", qkv: "qkv.weight",
      downsample: "op.weight")
    package static let nice = Words(
      input: "downsampling", output: "upsampling", time: "step_embed.0.weight", labels: "class_embedding.weight", conv1: "in_conv.weight",
      conv2: "out_conv.weight", embedding: "step_embedding.weight", qkv: "qkv_nin.weight", downsample: "conv.weight")
  }

  /// - Parameter numResBlocks: what a recipe says, where nothing but it tells where a level ends.
  /// - Returns: nil for a state dict that is no UNet's of these names.
  package init?(_ shapes: [String: [Int]], _ words: Words, numResBlocks assumed: Int = 2) {
    func size(_ name: String, _ axis: Int) -> Int? { shapes[name].flatMap { $0.indices.contains(axis) ? $0[axis] : nil } }
    let inputs = Self.count(words.input, shapes), outputs = Self.count(words.output, shapes)
    guard let modelChannels = size(words.time, 1), let inChannels = size("\(words.input).0.0.weight", 1), inputs > 1, modelChannels > 0
    else { return nil }
    let isResidual = (0..<inputs).map { shapes["\(words.input).\($0).0.\(words.conv1)"] != nil }
    let resamplings = (1..<inputs).count { !isResidual[$0] }
    let enlargings = (0..<outputs).count { block in
      (1...2).contains { layer in
        shapes["\(words.output).\(block).\(layer).\(words.conv1)"] != nil || shapes["\(words.output).\(block).\(layer).conv.weight"] != nil
      }
    }
    let levels = resamplings > 0 ? resamplings + 1 : outputs > 0 ? enlargings + 1 : inputs / (assumed + 1)
    guard levels > 0, inputs % levels == 0, inputs / levels > 1 else { return nil }
    let stride = inputs / levels
    let channels = (0..<levels).compactMap { size("\(words.input).\($0 * stride + 1).0.\(words.conv2)", 0) }
    guard channels.count == levels else { return nil }
    self.modelChannels = modelChannels
    self.inChannels = inChannels
    outChannels = size("out.2.weight", 0).flatMap { outputs > 0 ? $0 : nil }
    numClasses = size(words.labels, 0)
    contextDim = size("context_emb.weight", 1)
    channelMult = channels.map { Double($0) / Double(modelChannels) }
    numResBlocks = stride - 1
    attentionLevels = (0..<levels).filter { level in
      (1..<stride).contains { shapes["\(words.input).\(level * stride + $0).1.\(words.qkv)"] != nil }
    }
    useScaleShiftNorm = size("\(words.input).1.0.\(words.embedding)", 0) == 2 * channels[0]
    resblockUpdown = levels > 1 && isResidual[stride]
    convResample = levels == 1 || resblockUpdown || size("\(words.input).\(stride).0.\(words.downsample)", 0) != nil
  }

  /// How many blocks there are: one that only pools has no tensors, so that the highest number decides.
  private static func count(_ name: String, _ shapes: [String: [Int]]) -> Int {
    let prefix = "\(name)."
    let numbers = shapes.keys.compactMap { key in
      key.hasPrefix(prefix) ? key.dropFirst(prefix.count).split(separator: ".").first.flatMap { Int($0) } : nil
    }
    let highest = numbers.max() ?? -1
    return highest < 10_000 ? highest + 1 : 0
  }

  /// Image heights with attention.
  /// - Parameter imageSize: the height of the highest level.
  package func attentionResolutions(_ imageSize: Int) -> [Int] { attentionLevels.map { imageSize >> $0 } }
}
