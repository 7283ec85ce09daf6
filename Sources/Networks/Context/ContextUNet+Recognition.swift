extension ContextUNet.Recipe {
  public static let landmarks = ["init_conv.weight", "bottleneck.", "up.0.time_embed."]

  public func fitted(to shapes: CheckpointShapes) -> Self? { ContextEvidence(shapes).map { fitted(to: $0) } }

  private func fitted(to evidence: ContextEvidence) -> Self {
    var recipe = self
    (recipe.modelChannels, recipe.numResBlocks) = (evidence.modelChannels, evidence.numResBlocks)
    (recipe.inChannels, recipe.outChannels) = (evidence.inChannels, evidence.outChannels)
    // The recipe's own fractions where they make the same channels.
    let own = channelMult.map { Int($0 * Double(evidence.modelChannels)) }
    if own != evidence.channels { recipe.channelMult = evidence.channels.map { Double($0) / Double(evidence.modelChannels) } }
    (recipe.contextDim, recipe.numClasses) = (nil, nil)
    // A class is a context vector as long as there are classes: the shapes are the same, and the recipe decides.
    if numClasses != nil {
      recipe.numClasses = evidence.contextWidth.map { nullClass == nil ? $0 : $0 + 1 }
    } else {
      recipe.contextDim = evidence.contextWidth
    }
    return recipe
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let evidence = ContextEvidence(shapes) else { return [] }
    let side = sideThatHalves(side, levels: evidence.channels.count)
    let inputs = NetworkInputSpec(
      channels: evidence.inChannels, outputChannels: evidence.outChannels, height: side, width: side, classRows: nil,
      contextSize: evidence.contextWidth)
    return [RecognisedRecipe(recipe: Self().fitted(to: evidence), inputs: inputs, knowsSize: false)]
  }
}

/// What the names and shapes of a context UNet's checkpoint show of its options. Dropout and the process leave no trace in them.
private struct ContextEvidence {
  let modelChannels: Int, inChannels: Int, outChannels: Int
  /// Channels of each level, the highest first.
  let channels: [Int]
  let numResBlocks: Int
  /// Length of the vector that the decoder reads; nil without context.
  let contextWidth: Int?

  /// - Returns: nil for the checkpoint of another network, or of more levels than any recipe may have.
  init?(_ shapes: CheckpointShapes) {
    func convolution(_ level: Int, _ block: Int) -> Int? { shapes.size("down.\(level).\(block).conv1.weight", 0) }
    guard let modelChannels = shapes.size("up.0.time_embed.0.weight", 1), modelChannels > 0,
      let top = shapes.size("init_conv.weight", 0), let inChannels = shapes.size("init_conv.weight", 1),
      let outChannels = shapes.size("out_conv.weight", 0)
    else { return nil }
    (self.modelChannels, self.inChannels, self.outChannels) = (modelChannels, inChannels, outChannels)
    channels = [top] + (0...).lazy.map { convolution($0, 0) }.prefix { $0 != nil }.compactMap { $0 }
    numResBlocks = (0...).lazy.map { convolution(0, $0) }.prefix { $0 != nil }.count
    contextWidth = shapes.size("up.0.context_embed.0.weight", 1)
    guard ContextUNet.Recipe.levels.contains(channels.count) else { return nil }
  }
}
