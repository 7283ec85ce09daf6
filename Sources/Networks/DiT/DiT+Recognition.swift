extension DiT.Recipe {
  public static let landmarks = ["pos_embed", "x_embedder.proj.weight", "t_embedder.mlp.0.weight", "final_layer.linear.weight", "blocks."]

  public func fitted(to shapes: CheckpointShapes) -> Self? { DiTEvidence(shapes).map { fitted(to: $0) } }

  private func fitted(to evidence: DiTEvidence) -> Self {
    var recipe = self
    (recipe.hiddenSize, recipe.patchSize, recipe.depth) = (evidence.hiddenSize, evidence.patchSize, evidence.depth)
    (recipe.inChannels, recipe.outChannels, recipe.numClasses) = (evidence.inChannels, evidence.outChannels, evidence.numClasses)
    // The recipe's own ratio and size where they make the same shapes.
    if Int(mlpRatio * Double(evidence.hiddenSize)) != evidence.mlpWidth {
      recipe.mlpRatio = Double(evidence.mlpWidth) / Double(evidence.hiddenSize)
    }
    if inputSize == nil || recipe.gridSide != evidence.gridSide { recipe.inputSize = evidence.gridSide * evidence.patchSize }
    return recipe
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let evidence = DiTEvidence(shapes) else { return [] }
    var recipe = Self().fitted(to: evidence)
    // Heads leave no trace; the published networks have 64 or 72 channels in each.
    let width = evidence.hiddenSize
    recipe.numHeads = width % 64 == 0 && width % 72 != 0 ? width / 64 : width % 72 == 0 ? width / 72 : 1
    let size = evidence.gridSide * evidence.patchSize
    let inputs = NetworkInputSpec(
      channels: evidence.inChannels, outputChannels: evidence.outChannels, height: size, width: size, classRows: evidence.numClasses)
    return [RecognisedRecipe(recipe: recipe, inputs: inputs, knowsSize: true)]
  }
}

/// What the names and shapes of a DiT's checkpoint show of its options. The heads and the process leave no trace in them.
private struct DiTEvidence {
  let hiddenSize: Int, patchSize: Int, inChannels: Int, outChannels: Int
  let depth: Int, mlpWidth: Int, gridSide: Int
  /// Rows of the class embedding; nil without classes.
  let numClasses: Int?

  /// - Returns: nil for the checkpoint of another network, or of more blocks than any recipe may have.
  init?(_ shapes: CheckpointShapes) {
    guard let hidden = shapes.size("x_embedder.proj.weight", 0), hidden > 0,
      let inputs = shapes.size("x_embedder.proj.weight", 1), let patch = shapes.size("x_embedder.proj.weight", 2), patch > 0,
      let outputs = shapes.size("final_layer.linear.weight", 0), let mlp = shapes.size("blocks.0.mlp.fc1.weight", 0),
      let positions = shapes.size("pos_embed", 1)
    else { return nil }
    (hiddenSize, patchSize, inChannels, outChannels, mlpWidth) = (hidden, patch, inputs, outputs / (patch * patch), mlp)
    depth = (0...DiT.Recipe.depths.upperBound).prefix { shapes.has("blocks.\($0).attn.qkv.weight") }.count
    gridSide = Int(Double(positions).squareRoot().rounded())
    numClasses = shapes.size("y_embedder.embedding_table.weight", 0)
    guard DiT.Recipe.depths.contains(depth), gridSide > 0, gridSide * gridSide == positions else { return nil }
  }
}
