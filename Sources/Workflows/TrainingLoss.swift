import Diffusion
import Networks
import Tensors
import Training

/// What a training step minimises, as a recipe describes it.
enum TrainingLoss {
  /// Noise, timesteps, dropped labels and dropout come from seed and step alone.
  static func make(_ recipe: TrainRecipe, _ model: ModelRecipe, _ network: any DiffusionNetwork, on device: Device) throws -> Trainer.Loss {
    let process = try recipe.process.makeProcess()
    let denoising = DenoisingLoss(
      process, recipe.process.parameterization(in: process), variance: recipe.process.variance,
      weighting: recipe.training.lossWeighting.member)
    let training = recipe.training
    return { batch, seed, step in
      let x0 = batch.images
      let timesteps = try training.timestepSampling.timesteps(
        x0.size(0), of: process.steps, using: seed.generator(for: .timesteps, step: step))
      let noise = Tensor.randn(x0.shape, using: seed.generator(for: .noise, step: step)).to(device).channelsLast()
      let labels = dropped(batch.labels, model.data.nullClass, training.classDropout, seed, step)
      let dropout = seed.generator(for: .dropout, step: step, on: device)  // it must live where the activations do
      return denoising(x0, at: timesteps, noise: noise) { x, t in
        withAutocast(to: training.precision.dtype, on: device) {
          network(x, timesteps: t, conditioning: Conditioning(labels: labels), mode: .training(dropout))
        }
      }.perImage
    }
  }

  /// Labels of which a share is replaced by the null class (Ho and Salimans 2022).
  private static func dropped(_ labels: Tensor?, _ null: Int?, _ share: Double, _ seed: Seed, _ step: Int) -> Tensor? {
    guard let labels, let null else { return labels }
    let draws = Tensor.rand([labels.size(0)], using: seed.generator(for: .labels, step: step)).to(labels.device)
    return .where(draws.lt(share), .full(Double(null), like: labels), labels)
  }
}
