import Datasets
import Diffusion
import Failures
import Models
import RecipeKit
import Training

// Distillation: `distillation`, whose teacher decides network, process and sampling.
extension TrainRecipe {
  /// Refuses settings that a distillation would not use.
  func validateDistillation() throws(RecipeError) {
    guard distillation != nil else { return }
    let defaults = TrainRecipe()
    let parts: [(path: String, part: (TrainRecipe) -> String, instead: String)] = [
      ("network", { $0.network.type + $0.network.recipe.yaml() }, "it is the teacher's"),
      ("text_encoder", { $0.textEncoder?.yaml() ?? "" }, "it is the teacher's"),
      ("process", { $0.process.yaml() }, "it is the teacher's"),
      ("sampler", { $0.sampler.type + $0.sampler.recipe.yaml() }, "the student's is ddim"),
      ("sampling", { $0.sampling.yaml() }, "distillation.steps, guidance_scale and guidance_interval decide it"),
      ("augmentation", { $0.augmentation.yaml() }, "the teacher's images are not augmented"),
      ("corruptions", { $0.corruptions?.yaml() ?? "" }, "only models that sample from noise alone are distilled"),
      ("classifier", { $0.classifier.map { $0.type } ?? "" }, "only models that sample from noise alone are distilled"),
    ]
    for (path, part, instead) in parts where part(self) != part(defaults) {
      throw RecipeError(place: nil, path: path, "expected no value beside a section distillation: \(instead)")
    }
    guard training.loss.member.predictionError == nil else { return }
    throw RecipeError(
      place: nil, path: "training.loss", "expected mse, l1 or huber for a distillation, which has no bound, found \(training.loss.type)")
  }

  /// The recipe of the student: the teacher's, which samples in the steps of the distillation.
  /// - Throws: as `model(for:)`; `SfumatoError` for data of other images or classes than the teacher's, and for a teacher that cannot be
  ///   distilled.
  func distilledRecipe(for dataset: any Dataset) throws -> ModelRecipe {
    guard let distillation else { throw SfumatoError(.data, "the recipe has no section distillation") }
    let key = "distillation.teacher", teacher = try ReferredModel(distillation.teacher, key: key)
    var model = teacher.recipe
    let shape = try resolvedImages().shape(for: dataset)
    var data = DataSpec()
    (data.channels, data.height, data.width) = (shape.channels, shape.height, shape.width)
    data.contextSize = model.textEncoder?.width ?? dataset.contextSize
    data.classNames = data.contextSize == nil ? dataset.classNames : []
    try teacher.check(conditioningOf: data)
    let name = model.process.parameterization
    guard name != .epsilon, name != .previousX else {
      throw SfumatoError(
        .data,
        "\(key): \(distillation.teacher) predicts \(name.rawValue), which says too little of the image at the noise where few steps begin; expected "
          + "a teacher that predicts v, x0 or velocity")
    }
    model.sampler = Choice(DDIM())
    let clipping = model.sampling
    model.sampling = SamplingRecipe()
    (model.sampling.steps, model.sampling.spacing) = (distillation.steps, .trailing)
    (model.sampling.clip, model.sampling.clipSampleRange) = (clipping.clip, clipping.clipSampleRange)
    model.sampling.useClippedModelOutput = clipping.useClippedModelOutput
    _ = try ProgressiveDistillation(model.process.makeDiffusion(), steps: distillation.steps)
    try model.tryOut()
    return model
  }
}
