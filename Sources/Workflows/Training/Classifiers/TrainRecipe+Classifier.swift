import Datasets
import Diffusion
import Failures
import Models
import Networks
import RecipeKit
import Training

// Training of classifiers: `classifier`, and `guides` for one of noisy images.
extension TrainRecipe {
  /// Refuses settings of diffusion models, which a classifier would not use.
  func validateClassifier() throws(RecipeError) {
    guard classifier != nil else {
      try require(
        guides == nil, "guides", "names the model that a classifier is to guide; expected a section classifier, or no value")
      return
    }
    try require(guides?.isEmpty != true, "guides", "expected a model, or null for a classifier of clean images")
    try require(corruptions == nil, "corruptions", "a classifier takes no degraded pictures; expected null")
    let defaults = TrainRecipe()
    for (path, part) in Self.partsOfDiffusion(isNoisy: guides != nil) where part(self) != part(defaults) {
      throw RecipeError(place: nil, path: path, "a classifier does not use it; expected no value beside a section classifier")
    }
  }

  /// The settings that only diffusion models have, as text to be compared.
  private static func partsOfDiffusion(isNoisy: Bool) -> [(path: String, part: (TrainRecipe) -> String)] {
    let parts: [(path: String, part: (TrainRecipe) -> String)] = [
      ("network", { $0.network.type + $0.network.recipe.yaml() }), ("process", { $0.process.yaml() }),
      ("sampler", { $0.sampler.type + $0.sampler.recipe.yaml() }), ("sampling", { $0.sampling.yaml() }),
      ("text_encoder", { $0.textEncoder?.yaml() ?? "" }), ("training.class_dropout", { "\($0.training.classDropout)" }),
      ("training.loss", { $0.training.loss.type + $0.training.loss.recipe.yaml() }),
      ("training.loss_weighting", { $0.training.lossWeighting.type + $0.training.lossWeighting.recipe.yaml() }),
    ]
    guard !isNoisy else { return parts }
    // Clean images have no timesteps.
    return parts + [("training.timestep_sampling", { $0.training.timestepSampling.type + $0.training.timestepSampling.recipe.yaml() })]
  }

  /// The recipe's images; those of a classifier of noisy images have the size and channels of the model that it guides, those of a
  /// distillation its teacher's.
  func resolvedImages() throws -> ImagesRecipe {
    if let distillation { return try ReferredModel(distillation.teacher, key: "distillation.teacher").images(images) }
    guard let guides, classifier != nil else { return images }
    return try ReferredModel(guides, key: "guides").images(images)
  }

  /// The recipe of the classifier trained on `dataset`.
  /// - Throws: as `model(for:)`; `SfumatoError` for data without classes, and for a model that the classifier could not guide.
  func classifierRecipe(for dataset: any Dataset) throws -> ClassifierModelRecipe {
    guard var network = classifier?.member else {
      throw SfumatoError(.data, "the recipe describes \(ModelKind.denoiser.problem(expecting: .classifier))")
    }
    let shape = try resolvedImages().shape(for: dataset), classes = dataset.contextSize == nil ? dataset.classNames : []
    guard classes.count > 1 else {
      throw SfumatoError(
        .data, "the data have \(classes.isEmpty ? "no classes" : "a single class"); expected two or more, to train a classifier")
    }
    var model = ClassifierModelRecipe()
    (model.data.channels, model.data.height, model.data.width) = (shape.channels, shape.height, shape.width)
    model.data.classNames = classes
    if let guides {
      let guided = try ReferredModel(guides, key: "guides")
      try guided.check(model.data)
      model.process = NoisingProcess(of: guided.recipe.process)
    } else {
      model.cleanImages = true
    }
    network.adapt(to: model.data.networkInputSpec(.fixedSmall))
    do throws(RecipeError) { try network.validate() } catch {
      throw RecipeError(place: error.place, path: "classifier.\(error.path)", error.message)
    }
    model.classifier = Choice(network)
    try model.tryOut()
    return model
  }
}
