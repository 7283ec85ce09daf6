extension SRVGGNetCompact.Recipe {
  public static let landmarks = ["body.0.weight", "body.0.bias", "body.1.weight", "body.2.weight", "body.2.bias"]

  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard shapes["body.0.weight"]?.count == 4, shapes["body.1.weight"]?.count == 1,
      let channels = shapes.size("body.0.weight", 1), let features = shapes.size("body.0.weight", 0), channels > 0
    else { return nil }
    // Convolutions have the even numbers, PReLUs the odd ones.
    let convolutions = (0...).lazy.prefix { shapes.has("body.\(2 * $0).bias") }.count
    guard convolutions > 1, let last = shapes.size("body.\(2 * convolutions - 2).weight", 0), last % channels == 0 else { return nil }
    let scale = Int(Double(last / channels).squareRoot())
    guard scale * scale == last / channels else { return nil }
    var recipe = self
    (recipe.numInCh, recipe.numOutCh, recipe.numFeat) = (channels, channels, features)
    (recipe.numConv, recipe.upscale) = (convolutions - 2, scale)
    return recipe
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let recipe = Self().fitted(to: shapes) else { return [] }
    return [RecognisedRecipe(recipe: recipe, inputs: recipe.inputs(side: side), knowsSize: true)]
  }
}
