import Datasets
import Failures
import Models
import Networks
import RecipeKit
import Training

// A training that restores: `corruptions` and a network that is given what they leave.
extension TrainRecipe {
  /// Refuses one without the other, and a network that would be told another number of strengths than there are.
  func validateRestoration() throws(RecipeError) {
    let name = SuperResolutionUNet.Recipe.name
    switch (corruptions, network.member as? SuperResolutionUNet.Recipe) {
    case (nil, nil): break
    case (nil, _?):
      throw RecipeError(
        place: nil, path: "corruptions",
        "network \(name) learns to restore pictures; expected how they are made bad, such as { fixed: [jpeg], scale: 2 }, found none")
    case (_?, nil):
      throw RecipeError(
        place: nil, path: "corruptions",
        "network \(network.type) is given no picture to restore; expected network.type \(name), or no corruptions")
    case (let corruptions?, let network?):
      let count = corruptions.corruptions.count
      try require(
        count > 0 || corruptions.scale > 1, "corruptions", "expected a corruption, fixed or random, or a scale above 1, found neither")
      guard let told = network.numCorruptions, told != count else { return }
      throw RecipeError(
        place: nil, path: "network.num_corruptions", "expected \(count), one for each of the corruptions, or none given, found \(told)")
    }
  }

  /// The recipe of the model that a restoring training on `dataset` gives.
  /// - Throws: as `model(for:)`; `DatasetError` for images whose sides are no multiples of the scale.
  func restoringRecipe(for dataset: any Dataset) throws -> SuperResolutionModelRecipe {
    var model = SuperResolutionModelRecipe()
    guard let corruptions, let network = network.member as? SuperResolutionUNet.Recipe,
      let small = try pipeline(of: dataset).degradedShape
    else { throw SfumatoError(.data, "the recipe is of \(ModelKind.denoiser.problem(expecting: .superResolution))") }
    try describe(dataset, in: &model)
    (model.smallHeight, model.smallWidth) = (small.height, small.width)
    model.corruptionNames = corruptions.corruptionNames
    model.superResolution = try adapted(network, to: model.data)
    try model.tryOut()
    return model
  }
}
