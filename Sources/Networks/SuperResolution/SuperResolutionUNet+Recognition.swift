extension SuperResolutionUNet.Recipe {
  public static let landmarks = ADMUNet.Recipe.landmarks

  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard let evidence = UNetEvidence(shapes, .openAI, numResBlocks: unet.numResBlocks), let (channels, corruptions) = split(evidence)
    else { return nil }
    var recipe = self, images = evidence
    images.inChannels = channels
    recipe.unet = unet.fitted(to: images)
    if corruptions != resolvedNumCorruptions { recipe.numCorruptions = corruptions }
    return recipe
  }

  /// How the input's channels are shared out: as this recipe has them where the output agrees, else as the output alone says.
  private func split(_ evidence: UNetEvidence) -> (channels: Int, corruptions: Int)? {
    let own = unet.resolvedInChannels
    guard let output = evidence.outChannels, [own, 2 * own].contains(output), evidence.inChannels >= 2 * own else {
      return evidence.superResolution
    }
    return (own, evidence.inChannels - 2 * own)
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard var evidence = UNetEvidence(shapes, .openAI), let (channels, corruptions) = evidence.superResolution else { return [] }
    var recipe = Self(), inputs = evidence.inputs(channels: channels, side: side)
    inputs.corruptions = corruptions
    evidence.inChannels = channels
    recipe.unet = .unknown(evidence, inputs)
    recipe.numCorruptions = corruptions
    return [RecognisedRecipe(recipe: recipe, inputs: inputs, knowsSize: false)]
  }
}
