extension ADMUNet.Recipe {
  public static let landmarks = ["time_embed.0.weight", "input_blocks.0.0.weight", "output_blocks."]

  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard let evidence = UNetEvidence(shapes, .openAI, numResBlocks: numResBlocks), evidence.hasDecoder else { return nil }
    return fitted(to: evidence)
  }

  func fitted(to evidence: UNetEvidence) -> Self {
    var recipe = self
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks) = (evidence.modelChannels, evidence.channelMult, evidence.numResBlocks)
    (recipe.inChannels, recipe.outChannels) = (evidence.inChannels, evidence.outChannels ?? outChannels)
    (recipe.numClasses, recipe.contextDim, recipe.augmentDim) = (evidence.numClasses, evidence.contextDim, evidence.augmentDim)
    recipe.useScaleShiftNorm = evidence.useScaleShiftNorm
    (recipe.resblockUpdown, recipe.convResample) = (evidence.resblockUpdown ?? resblockUpdown, evidence.convResample ?? convResample)
    recipe.attentionResolutions = evidence.attentionResolutions(attentionResolutions, imageSize: imageSize, levels: channelMult.count)
    return recipe
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let evidence = UNetEvidence(shapes, .openAI), evidence.hasDecoder, evidence.superResolution == nil else { return [] }
    let inputs = evidence.inputs(channels: evidence.inChannels, side: side)
    return [RecognisedRecipe(recipe: unknown(evidence, inputs), inputs: inputs, knowsSize: false)]
  }

  /// The recipe of which nothing but the evidence is known.
  static func unknown(_ evidence: UNetEvidence, _ inputs: NetworkInputSpec) -> Self {
    var recipe = Self()
    (recipe.imageSize, recipe.channelMult) = (inputs.height, evidence.channelMult)
    return recipe.fitted(to: evidence)
  }
}
