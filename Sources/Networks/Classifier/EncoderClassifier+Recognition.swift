extension EncoderClassifier.Recipe {
  public static let landmarks = ["time_embed.0.weight", "input_blocks.0.0.weight"]

  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard let evidence = UNetEvidence(shapes, .openAI, numResBlocks: numResBlocks), !evidence.hasDecoder else { return nil }
    return fitted(to: evidence, shapes)
  }

  private func fitted(to evidence: UNetEvidence, _ shapes: CheckpointShapes) -> Self {
    var recipe = self
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks) = (evidence.modelChannels, evidence.channelMult, evidence.numResBlocks)
    (recipe.inChannels, recipe.useScaleShiftNorm) = (evidence.inChannels, evidence.useScaleShiftNorm)
    (recipe.resblockUpdown, recipe.convResample) = (evidence.resblockUpdown ?? resblockUpdown, evidence.convResample ?? convResample)
    if let (pool, classes) = EncoderClassifier.Pool.recognised(from: shapes) { (recipe.pool, recipe.numClasses) = (pool, classes) }
    if let lowest = Self.lowestHeight(shapes), lowest != lowestHeight { recipe.imageSize = lowest << (evidence.channelMult.count - 1) }
    recipe.attentionResolutions = evidence.attentionResolutions(
      attentionResolutions, imageSize: recipe.imageSize, levels: channelMult.count)
    return recipe
  }

  /// Height of the lowest level by the attention pool, which has an embedding for each position and one for their mean; nil for
  /// other pools.
  private static func lowestHeight(_ shapes: CheckpointShapes) -> Int? {
    guard let count = shapes.size("out.2.positional_embedding", 1), count > 1 else { return nil }
    return Int(Double(count - 1).squareRoot())
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    // Where a level ends the shapes do not always show.
    [2, 1, 3, 4].compactMap { depth in
      guard let evidence = UNetEvidence(shapes, .openAI, numResBlocks: depth), !evidence.hasDecoder,
        let (_, classes) = EncoderClassifier.Pool.recognised(from: shapes)
      else { return nil }
      let levels = evidence.channelMult.count, lowest = lowestHeight(shapes)
      var inputs = evidence.inputs(channels: evidence.inChannels, side: lowest.map { $0 << (levels - 1) } ?? side)
      inputs.classRows = classes
      var recipe = Self()
      (recipe.imageSize, recipe.channelMult) = (inputs.height, evidence.channelMult)
      let channels = evidence.channelMult.map { Int($0 * Double(evidence.modelChannels)) }
      recipe.numHeadChannels = [64, 32, 16, 8].first { size in channels.allSatisfy { $0 % size == 0 } } ?? 1
      return RecognisedRecipe(recipe: recipe.fitted(to: evidence, shapes), inputs: inputs, knowsSize: lowest != nil)
    }
  }
}

extension EncoderClassifier.Pool {
  /// The pool and its number of classes, by the names and shapes of its tensors.
  static func recognised(from shapes: CheckpointShapes) -> (Self, classes: Int)? {
    func rows(_ name: String, rank: Int) -> Int? { shapes[name]?.count == rank ? shapes.size(name, 0) : nil }
    if let classes = rows("out.2.c_proj.weight", rank: 3) { return (.attention, classes) }
    if let classes = rows("out.3.weight", rank: 4) { return (.adaptive, classes) }
    if let classes = rows("out.3.weight", rank: 2) { return (.spatialV2, classes) }
    return rows("out.2.weight", rank: 2).map { (.spatial, $0) }
  }
}
