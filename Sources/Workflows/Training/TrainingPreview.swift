import Datasets
import Diffusion
import Failures
import Imaging
import Models
import Networks
import Tensors
import Training

/// A preview of a run: a grid of samples, or degraded, restored and original pictures; on the left by the weights as they are, on the
/// right by their average.
struct TrainingPreview {
  private let job: TrainingJob
  private let recipe: any DiffusionModelRecipe

  /// - Returns: nil for a run whose model makes no pictures.
  init?(_ job: TrainingJob) {
    guard let recipe = job.modelRecipe as? any DiffusionModelRecipe else { return nil }
    (self.job, self.recipe) = (job, recipe)
  }

  /// - Throws: `Failure.interrupted` within a step when a stop is requested; errors from sampling.
  func draw() throws -> Image {
    let pictures = try job.recipe.training.withConvolutions {
      [try draw(job.trainer.weights()), try draw(job.trainer.average.stateDict())]
    }
    var sheet = PictureSheet(pictures, columns: 2)
    (sheet.columnTitles, sheet.padding) = (["weights", "averaged"], 8)
    return try sheet.draw()
  }

  private func draw(_ weights: StateDict) throws -> Image {
    let network = try recipe.makeNetwork(using: .shapes)
    try network.adopt(weights, on: job.device)
    return try (recipe as? ModelRecipe).map { try samples($0, network) } ?? restorations(network)
  }

  private func samples(_ modelRecipe: ModelRecipe, _ network: any DiffusionNetwork) throws -> Image {
    let model = Model(recipe: modelRecipe, provenance: Provenance(), network: network)
    let sampling = try SamplingJob(SamplingPlan(request(modelRecipe), model: model))
    while try sampling.next() != nil { try Interruption.check() }
    let images = sampling.images, classes = modelRecipe.data.classNames.count
    let scale = max(1, 64 / images[0].height)
    return try Image.grid(images, columns: classes > 1 ? min(classes, 18) : 4, scale: scale)
  }

  private func request(_ modelRecipe: ModelRecipe) throws -> SamplingRequest {
    var request = SamplingRequest(model: job.folder.path)
    request.count = modelRecipe.previewedImages
    // At most a training batch at once, so that a preview needs no more memory than training.
    request.batchSize = min(request.batchSize, job.recipe.training.batchSize)
    if modelRecipe.textEncoder != nil {
      request.contexts = shownCaptions(request.count).map { .texts($0) }
    } else if modelRecipe.contextSize != nil {
      let shown = try (0..<min(request.count, job.dataset.count)).map { try job.dataset[$0] }
      request.contexts = .vectors(shown.compactMap(\.context))
    }
    request.device = job.device
    request.precision = job.recipe.training.precision.resolved(on: job.device)
    return request
  }

  /// Captions from all over the data; nil where all of those are empty.
  private func shownCaptions(_ count: Int) -> [String]? {
    let dataset = job.dataset, limit = job.recipe.textEncoder?.maxLength ?? .max
    let found = (0..<count).compactMap { dataset.caption(at: $0 * dataset.count / count) }
    let shown = found.map { Caption.cut($0, to: limit) }.filter { !$0.isEmpty }
    return shown.isEmpty ? nil : shown
  }

  private func restorations(_ network: any DiffusionNetwork) throws -> Image {
    let batch = try job.loader.shownBatch(min(RestorationSheet.count, job.recipe.training.batchSize), on: job.device)
    let prepared = try network.prepared(for: job.recipe.training.precision.resolved(on: job.device).dtype)
    return try RestorationSheet(recipe: recipe, network: prepared).draw(batch)
  }
}
