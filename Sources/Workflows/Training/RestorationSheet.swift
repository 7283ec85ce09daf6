import Diffusion
import Failures
import Imaging
import Models
import Networks
import Tensors
import Training

/// Pictures made bad, what a model makes of them, and as they were: a row for each.
struct RestorationSheet {
  /// Pictures of a preview.
  static let count = 8

  let recipe: any DiffusionModelRecipe
  /// Prepared for inference.
  let network: any DiffusionNetwork

  /// - Parameter batch: of a restoring training.
  func draw(_ batch: Batch) throws -> Image {
    let originals = try batch.images.images(), restored = try restore(batch).images()
    let degraded = try batch.degraded?.images() ?? []
    let rows = zip(zip(degraded, restored), originals).flatMap { pair, original in
      [pair.0.magnified(by: max(1, original.height / pair.0.height)), pair.1, original]
    }
    var sheet = PictureSheet(rows, columns: 3)
    sheet.columnTitles = ["degraded", "restored", "original"]
    sheet.scale = max(1, 64 / recipe.data.height)
    return try sheet.draw()
  }

  /// The pictures as the model's own sampler restores them, not guided, from the same noise every time.
  private func restore(_ batch: Batch) throws -> Tensor {
    let diffusion = try recipe.process.makeDiffusion(), told = Conditioning(of: batch, recipe.data)
    let denoiser = diffusion.denoiser { [network] x, timesteps in
      network(x, timesteps: timesteps, conditioning: told, mode: .inference)
    }
    let run = SamplingRun(
      recipe.sampler.member, denoiser: recipe.sampling.adjusted(denoiser), levels: try recipe.sampling.levels(of: diffusion.process),
      shape: batch.images.shape, on: batch.images.device, noise: PerImageNoise(seed: Seed(0), images: 0..<batch.images.size(0)),
      window: recipe.sampling.window)
    while try run.next() != nil { try Interruption.check() }
    return run.x
  }
}
