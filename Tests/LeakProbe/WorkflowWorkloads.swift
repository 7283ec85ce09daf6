import Foundation
import Models
import Tensors
import Training
import Workflows

/// Whole training steps and sampling runs with a minimal network.
enum WorkflowWorkloads {
  private static let recipe = """
    data: { type: glyphs, size: 8, classes: digits, count: 100 }
    network: { type: adm_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [],
      dropout: 0.1, use_checkpoint: true }
    sampling: { steps: 4, guidance_scale: 2 }
    training: { batch_size: 4, duration: 1000000, log_every: 1000000, preview_every: 1000000, checkpoint_every: 1000000 }

    """

  static func all() throws -> [LeakProbe.Workload] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("leaks-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // So few steps write nothing, and a mapped model no longer needs its file's name.
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("tiny.yaml").path, run = folder.appendingPathComponent("run").path
    try Data(recipe.utf8).write(to: URL(fileURLWithPath: file))
    let job = try TrainingJob(recipe: file, folder: run)
    let model = try Model(run)
    return [
      LeakProbe.Workload(name: "training steps", rounds: 200) { _ = try job.next() },
      LeakProbe.Workload(name: "sampling runs", rounds: 40) { try sample(model) },
      LeakProbe.Workload(name: "loaders let go at work", rounds: 40) { try load(for: job) },
    ]
  }

  /// A loader that is released while its threads are still working.
  private static func load(for job: TrainingJob) throws {
    var recipe = LoadingRecipe()
    recipe.workers = 3
    _ = try BatchLoader(job.data, batchSize: 4, recipe).batch(at: 0, on: .cpu).images.validated()
  }

  private static func sample(_ model: Model) throws {
    var request = SamplingRequest(model: "tiny")
    request.count = 3
    request.batchSize = 2
    request.tracedCount = 3
    _ = try SamplingJob(request, model: model).finish()
  }
}
