extension NiceUNet.Recipe {
  public static let landmarks = ["step_embed.0.weight", "downsampling.", "upsampling."]

  public func fitted(to shapes: CheckpointShapes) -> Self? {
    UNetEvidence(shapes, .nice, numResBlocks: numResBlocks).map { fitted(to: $0) }
  }

  private func fitted(to evidence: UNetEvidence) -> Self {
    var recipe = self
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks) = (evidence.modelChannels, evidence.channelMult, evidence.numResBlocks)
    (recipe.inChannels, recipe.outChannels) = (evidence.inChannels, evidence.outChannels ?? outChannels)
    (recipe.numClasses, recipe.useAdaptiveGn) = (evidence.numClasses, evidence.useScaleShiftNorm)
    (recipe.resblockUpdown, recipe.convResample) = (evidence.resblockUpdown ?? resblockUpdown, evidence.convResample ?? convResample)
    recipe.attentionResolutions = evidence.attentionResolutions(attentionResolutions, imageSize: resolution, levels: channelMult.count)
    return recipe
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let evidence = UNetEvidence(shapes, .nice) else { return [] }
    let inputs = evidence.inputs(channels: evidence.inChannels, side: side)
    var recipe = Self()
    (recipe.resolution, recipe.channelMult) = (inputs.height, evidence.channelMult)
    return [RecognisedRecipe(recipe: recipe.fitted(to: evidence), inputs: inputs, knowsSize: false)]
  }
}
