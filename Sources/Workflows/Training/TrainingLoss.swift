import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors
import Training

/// What a training step minimises, as a recipe describes it, and what the choice of timesteps has learned on the way.
final class TrainingLoss {
  private(set) var timesteps: any TimestepSampler
  private let denoising: DenoisingLoss
  private let network: any DiffusionNetwork
  private let training: TrainingRecipe
  private let data: DataSpec
  private let device: Device

  init(_ recipe: TrainRecipe, _ model: any DiffusionModelRecipe, _ network: any DiffusionNetwork, on device: Device) throws {
    let diffusion = try recipe.process.makeDiffusion()
    training = recipe.training
    denoising = diffusion.loss(objective: training.loss.member, weighting: training.lossWeighting.member)
    timesteps = training.timestepSampling.member.makeSampler(for: diffusion.process)
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
    let perImage = perImage(x0, draw, noise, told, .training(dropout))
    let losses = try perImage.detach().doubles()
    timesteps.learn(from: losses, at: draw.timesteps)
    var quartiles = LossQuartiles()
    quartiles.add(losses, at: draw, of: denoising.process.steps)
    return StepLoss(draw.mean(of: perImage), quartiles: quartiles)
  }

  private func perImage(_ x0: Tensor, _ draw: TimestepDraw, _ noise: Tensor, _ told: Conditioning, _ mode: Mode) -> Tensor {
    denoising(x0, at: draw.timesteps, noise: noise) { x, t in
      withAutocast(to: training.precision.dtype, on: device) { network(x, timesteps: t, conditioning: told, mode: mode) }
    }.perImage
  }

  /// The loss of examples that training does not see, by the weights as they are, nothing dropped. Noise and timesteps, one in each
  /// part of the process for each image of a batch, are the same every time, in every training.
  /// - Parameters:
  ///   - batch: gives a batch by its number.
  ///   - count: how many there are.
  func validation(of count: Int, _ batch: (Int) throws -> Batch) throws -> Double {
    let seed = Seed(0)
    var sum = 0.0, images = 0
    let timesteps = StratifiedTimesteps().makeSampler(for: denoising.process)
    for number in 0..<count {
      try Interruption.check()
      let batch = try batch(number), x0 = batch.images
      let draw = try timesteps.draw(x0.size(0), using: seed.generator(for: .timesteps, step: number))
      let noise = Tensor.randn(x0.shape, using: seed.generator(for: .noise, step: number)).to(device).channelsLast()
      let told = Conditioning(of: batch, data)
      sum += try withoutGradient { draw.mean(of: perImage(x0, draw, noise, told, .inference)) }.item() * Double(x0.size(0))
      images += x0.size(0)
    }
    return sum / Double(images)
  }

  /// Goes on with what an earlier sitting has learned.
  func restore(timesteps state: StateDict) throws { try timesteps.restore(state) }

  /// How images were augmented, and classes, or else vectors, of which a share is replaced by the null class, or zeros (Ho and Salimans 2022).
  private func told(_ batch: Batch, _ seed: Seed, _ step: Int) -> Conditioning {
    var told = Conditioning(of: batch, data)
    told.augmentation = batch.augmentation
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

extension Conditioning {
  /// What the examples come with, of images as they are: classes or vectors, and where they are to be restored the bad pictures with the
  /// strengths of their corruptions.
  init(of batch: Batch, _ data: DataSpec) {
    self.init(
      labels: data.classNames.isEmpty ? nil : batch.labels, context: batch.contexts, lowRes: batch.degraded,
      // Pictures that are made smaller and no more have no strengths.
      corruptionStrengths: batch.corruptionStrengths.flatMap { $0.size(1) > 0 ? $0 : nil })
  }
}
