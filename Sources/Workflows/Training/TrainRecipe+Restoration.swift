import Datasets
import Failures
import Models
import Networks
import RecipeKit
import Training

// Training of restoration models: `corruptions`, and a network that takes the degraded pictures.
extension TrainRecipe {
  /// Checks that corruptions and a restoring network come together, with the same number of corruption strengths.
  func validateRestoration() throws(RecipeError) {
    let name = SuperResolutionUNet.Recipe.name
    switch (corruptions, network.member as? SuperResolutionUNet.Recipe) {
    case (nil, nil): break
    case (nil, _?):
      throw RecipeError(
        place: nil, path: "corruptions",
        "network \(name) learns to restore pictures; expected corruptions, such as { fixed: [jpeg], scale: 2 }, found none")
    case (_?, nil):
      throw RecipeError(
        place: nil, path: "corruptions",
        "network \(network.type) takes no degraded pictures; expected network.type \(name), or no corruptions")
    case (let corruptions?, let network?):
      let count = corruptions.corruptions.count
      try require(
        count > 0 || corruptions.scale > 1, "corruptions", "expected a corruption, fixed or random, or a scale above 1, found neither")
      guard let found = network.numCorruptions, found != count else { return }
      throw RecipeError(
        place: nil, path: "network.num_corruptions", "expected \(count), one per corruption, or no value, found \(found)")
    }
  }

  /// The recipe of the restoration model trained on `dataset`.
  /// - Throws: as `model(for:)`; `DatasetError` for images whose sides are not multiples of the scale.
  func restoringRecipe(for dataset: any Dataset) throws -> SuperResolutionModelRecipe {
    var model = SuperResolutionModelRecipe()
    guard let corruptions, let network = network.member as? SuperResolutionUNet.Recipe,
      let small = try pipeline(of: dataset).degradedShape
    else { throw SfumatoError(.data, "the recipe describes \(ModelKind.denoiser.problem(expecting: .superResolution))") }
    try describe(dataset, in: &model)
    (model.smallHeight, model.smallWidth) = (small.height, small.width)
    model.corruptionNames = corruptions.corruptionNames
    model.superResolution = try adapted(network, to: model.data)
    try model.tryOut()
    return model
  }
}
