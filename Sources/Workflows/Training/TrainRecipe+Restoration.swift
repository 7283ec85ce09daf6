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
    let names = RestoringNetworkRegistry.names.joined(separator: " or ")
    switch (corruptions, network.member as? any RestoringRecipe) {
    case (nil, nil):
      try check(
        process.residualScale == nil, "process.residual_scale",
        "it takes the difference to a degraded picture; expected a restoring network with corruptions, or no value")
    case (nil, _?):
      throw RecipeError(
        place: nil, path: "corruptions",
        "network \(network.type) learns to restore pictures; expected corruptions, such as { fixed: [jpeg], scale: 2 }, found none")
    case (_?, nil):
      throw RecipeError(
        place: nil, path: "corruptions",
        "network \(network.type) takes no degraded pictures; expected network.type \(names), or no corruptions")
    case (let corruptions?, let network?):
      try validateResidual(corruptions)
      let count = corruptions.strengthCount
      try require(
        count > 0 || corruptions.scale > 1, "corruptions", "expected a corruption, a reduction or a scale above 1, found none")
      guard let found = network.numCorruptions, found != count else { return }
      throw RecipeError(
        place: nil, path: "network.num_corruptions", "expected \(count), one per corruption, or no value, found \(found)")
    }
  }

  /// Residuals and networks that do not enlarge want the degraded picture at the size of the original.
  private func validateResidual(_ corruptions: CorruptionsRecipe) throws(RecipeError) {
    let enlarges = (network.member as? any RestoringRecipe).map { type(of: $0).enlarges } ?? true
    try check(
      enlarges || corruptions.scale == 1, "corruptions.scale",
      "network \(network.type) reads degraded pictures of the originals' size; expected 1, or a reduction in place of it, found \(corruptions.scale)"
    )
    guard process.residualScale != nil else { return }
    try check(
      !process.variance.isLearned, "process.variance",
      "with process.residual_scale expected fixed_small or fixed_large, found \(process.variance.rawValue): the bound that teaches a variance is that of images"
    )
    let objective = training.loss.member
    try check(
      objective.boundWeight(steps: 1, learnsVariance: false) == nil, "training.loss",
      "with process.residual_scale expected mse, l1 or huber, found \(training.loss.type): its bound is that of images")
    try check(
      corruptions.scale == 1, "corruptions.scale",
      "process.residual_scale takes the difference to the degraded picture; expected 1, or a reduction in place of it, found \(corruptions.scale)"
    )
  }

  /// - Throws: with a path into another section, which `require` does not take.
  private func check(_ condition: Bool, _ path: String, _ problem: @autoclosure () -> String) throws(RecipeError) {
    if !condition { throw RecipeError(place: nil, path: path, problem()) }
  }

  /// The recipe of the restoration model trained on `dataset`.
  /// - Throws: as `model(for:)`; `DatasetError` for images whose sides are not multiples of the scale.
  func restoringRecipe(for dataset: any Dataset) throws -> SuperResolutionModelRecipe {
    var model = SuperResolutionModelRecipe()
    guard let corruptions, let network = network.member as? any RestoringRecipe,
      let small = try pipeline(of: dataset).degradedShape
    else { throw SfumatoError(.data, "the recipe describes \(ModelKind.denoiser.problem(expecting: .superResolution))") }
    try describe(dataset, in: &model)
    (model.smallHeight, model.smallWidth) = (small.height, small.width)
    model.corruptionNames = corruptions.corruptionNames
    model.strengthScales = scales(of: corruptions)
    model.superResolution = Choice(try adapted(network, to: model.data))
    try model.tryOut()
    return model
  }

  private func scales(of corruptions: CorruptionsRecipe) -> StrengthScales {
    var scales = StrengthScales()
    if let jpeg = corruptions.corruptions.lazy.compactMap({ $0 as? JPEGCompression }).first {
      scales.jpegQualities = [jpeg.quality(at: 0), jpeg.quality(at: 1)]
    }
    if let reduction = corruptions.reduction { scales.reductionFactor = reduction.factor }
    return scales
  }
}
