import Diffusion
import Networks
import Tensors
import Training

/// What a training step minimises, as a recipe describes it, and what the choice of timesteps has learned on the way.
final class TrainingLoss {
  private(set) var timesteps: any TimestepSampler
  private let denoising: DenoisingLoss
  private let network: any DiffusionNetwork
  private let training: TrainingRecipe
  private let data: DataFacts
  private let device: Device

  init(_ recipe: TrainRecipe, _ model: ModelRecipe, _ network: any DiffusionNetwork, on device: Device) throws {
    let process = try recipe.process.makeProcess()
    training = recipe.training
    denoising = DenoisingLoss(
      process, recipe.process.parameterization(in: process), variance: recipe.process.variance, objective: training.loss.member,
      weighting: training.lossWeighting.member)
    timesteps = training.timestepSampling.member.makeSampler(for: process)
    self.network = network
    data = model.data
    self.device = device
  }

  /// The loss of a batch. Noise, timesteps, what the network is not told and dropout come from seed and step alone, timesteps also from what
  /// was learned of earlier losses.
  func callAsFunction(_ batch: Batch, _ seed: Seed, _ step: Int) throws -> StepLoss {
    let x0 = batch.images
    let draw = try timesteps.draw(x0.size(0), using: seed.generator(for: .timesteps, step: step))
    let noise = Tensor.randn(x0.shape, using: seed.generator(for: .noise, step: step)).to(device).channelsLast()
    let told = told(batch, seed, step)
    let dropout = seed.generator(for: .dropout, step: step, on: device)  // it must live where the activations do
    let perImage = denoising(x0, at: draw.timesteps, noise: noise) { x, t in
      withAutocast(to: training.precision.dtype, on: device) {
        network(x, timesteps: t, conditioning: told, mode: .training(dropout))
      }
    }.perImage
    let losses = try perImage.detach().doubles()
    timesteps.learn(from: losses, at: draw.timesteps)
    var quartiles = LossQuartiles()
    quartiles.add(losses, at: draw, of: denoising.process.steps)
    return StepLoss(draw.mean(of: perImage), quartiles: quartiles)
  }

  /// Goes on with what an earlier sitting has learned.
  func restore(timesteps state: StateDict) throws { try timesteps.restore(state) }

  /// Classes, or else vectors, of which a share is replaced by the null class, or zeros (Ho and Salimans 2022).
  private func told(_ batch: Batch, _ seed: Seed, _ step: Int) -> Conditioning {
    var told = Conditioning(labels: data.classNames.isEmpty ? nil : batch.labels, context: batch.contexts)
    guard data.knowsNull else { return told }
    let isDropped = Tensor.rand([batch.images.size(0)], using: seed.generator(for: .labels, step: step)).to(device)
      .lt(training.classDropout)
    if let labels = told.labels, let null = data.nullClass {
      told.labels = .where(isDropped, .full(Double(null), like: labels), labels)
    }
    told.context = told.context.map { .where(isDropped.unsqueeze(1), .zeros(like: $0), $0) }
    return told
  }
}
