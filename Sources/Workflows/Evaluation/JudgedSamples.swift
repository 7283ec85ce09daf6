import Checkpoints
import Datasets
import Failures
import Foundation
import Models
import Tensors

/// What is judged: pictures that are there, or the samples of a model.
enum JudgedSamples {
  case stored(any Dataset)
  case model(Model)

  /// - Throws: `SfumatoError` for samples that are neither; errors from opening them.
  init(_ request: EvaluationRequest) throws {
    guard Self.isModel(request.samples) else {
      self = .stored(try DataSource(request.samples).dataset)
      return
    }
    try Torch.start()
    self = .model(try Model(request.samples, on: request.device.validated()))
  }

  /// Whether samples are named by a model: a file with tensors, a run, a diffusers folder, or a bundled model that no file or kind of data
  /// set shares its name with.
  static func isModel(_ samples: String) -> Bool {
    let isThere = FileManager.default.fileExists(atPath: samples)
    guard isThere || !DatasetRegistry.names.contains(samples), let place = try? ModelLocator.locate(samples) else { return false }
    if case .file(let path) = place { return TensorFile.format(of: path) == .safetensors }
    return true
  }

  /// The number of pictures; nil for a model's, of which there are as many as wanted.
  var count: Int? {
    guard case .stored(let dataset) = self else { return nil }
    return dataset.count
  }

  /// Nil where sizes differ.
  var shape: ImageShape? {
    switch self {
    case .stored(let dataset): return dataset.shape
    case .model(let model):
      let data = model.recipe.data
      return ImageShape(height: data.height, width: data.width, channels: data.channels)
    }
  }

  var channels: Int {
    switch self {
    case .stored(let dataset): dataset.channels
    case .model(let model): model.recipe.data.channels
    }
  }
}

extension EvaluationReport.Sampling {
  init(_ plan: SamplingPlan) {
    self.init(
      sampler: plan.settings.sampler.type, steps: plan.stepCount, evaluations: plan.evaluations,
      guidance: plan.settings.sampling.guidanceScale)
  }
}

extension SamplingPlan {
  /// Evaluations of the denoiser for an image; guidance calls the network twice in one.
  var evaluations: Int {
    let process = denoiser.diffusion.process
    return settings.sampler.member.levelsAsked(on: start.path, of: process.noiseLevelRange, window: settings.sampling.window).count
  }
}
