/// What the names and shapes of a context UNet's state dict say of its options. Dropouts and the process leave no trace in them.
package struct ContextEvidence {
  package let modelChannels: Int, inChannels: Int, outChannels: Int
  /// Channels of each level, the highest first.
  package let channels: [Int]
  package let numResBlocks: Int
  /// Length of the vector that the decoder reads; nil without context.
  package let contextWidth: Int?

  /// - Returns: nil for a state dict that is no context UNet's.
  package init?(_ shapes: [String: [Int]]) {
    func size(_ name: String, _ axis: Int) -> Int? { shapes[name].flatMap { $0.indices.contains(axis) ? $0[axis] : nil } }
    func convolution(_ level: Int, _ block: Int) -> Int? { size("down.\(level).\(block).conv1.weight", 0) }
    guard let modelChannels = size("up.0.time_embed.0.weight", 1), modelChannels > 0, let top = size("init_conv.weight", 0),
      let inChannels = size("init_conv.weight", 1), let outChannels = size("out_conv.weight", 0)
    else { return nil }
    (self.modelChannels, self.inChannels, self.outChannels) = (modelChannels, inChannels, outChannels)
    channels = [top] + (0...).lazy.map { convolution($0, 0) }.prefix { $0 != nil }.compactMap { $0 }
    numResBlocks = (0...).lazy.map { convolution(0, $0) }.prefix { $0 != nil }.count
    contextWidth = size("up.0.context_embed.0.weight", 1)
  }

  package func laid(over recipe: ContextUNet.Recipe) -> ContextUNet.Recipe {
    var result = recipe
    (result.modelChannels, result.numResBlocks) = (modelChannels, numResBlocks)
    (result.inChannels, result.outChannels) = (inChannels, outChannels)
    // The recipe's own fractions where they make the same channels.
    let said = recipe.channelMult.map { Int($0 * Double(modelChannels)) }
    if said != channels { result.channelMult = channels.map { Double($0) / Double(modelChannels) } }
    (result.contextDim, result.numClasses) = (nil, nil)
    if recipe.numClasses != nil {
      result.numClasses = contextWidth.map { recipe.nullClass == nil ? $0 : $0 + 1 }
    } else {
      result.contextDim = contextWidth
    }
    return result
  }
}
