import Models

/// What the strengths of a restoration model mean.
enum RestorationScales {
  /// Nil for a model that is given no strength of JPEG.
  static func of(_ path: String) throws -> StrengthScales? {
    let file = try ModelFile(path, expecting: .superResolution), recipe = try SuperResolutionModelRecipe(yaml: file.recipe)
    return recipe.corruptionNames.contains("jpeg") ? recipe.strengthScales : nil
  }
}
