import Diffusion
import Failures
import Imaging
import Models
import Networks
import Tensors
import Training

/// Degraded, restored and original pictures, one row each.
struct RestorationSheet {
  /// Pictures per preview.
  static let count = 8

  let recipe: any DiffusionModelRecipe
  /// Prepared for inference.
  let network: any DiffusionNetwork

  /// - Parameter batch: a batch with degraded pictures.
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

  /// The pictures restored by the model's own sampler, without guidance, from the same noise every time.
  private func restore(_ batch: Batch) throws -> Tensor {
    let diffusion = try recipe.process.makeDiffusion(), conditioning = Conditioning(of: batch, recipe.data)
    let denoiser = diffusion.denoiser { [network] x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
    // The range of images is not that of residuals.
    let adjusted = diffusion.residual == nil ? recipe.sampling.adjusted(denoiser) : AnyDenoiser(denoiser)
    let run = SamplingRun(
      recipe.sampler.member, denoiser: adjusted, levels: try recipe.sampling.levels(of: diffusion.process),
      shape: batch.images.shape, on: batch.images.device, noise: PerImageNoise(seed: Seed(0), images: 0..<batch.images.size(0)),
      window: recipe.sampling.window)
    while try run.next() != nil { try Interruption.check() }
    guard let residual = diffusion.residual, let degraded = batch.degraded else { return run.x }
    return residual.decode(run.x, from: degraded)
  }
}
