import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors
import Training

/// The training loss of a diffusion model, with the state of its timestep sampler. What it compares for each image is that of denoising or of
/// a distillation.
final class TrainingLoss: TrainingObjective {
  /// The losses `[N]` of clean images, or residuals, at these steps of the process.
  typealias PerImage = (
    _ x0: Tensor, _ timesteps: [Int], _ noise: Tensor, _ conditioning: Conditioning, _ network: DenoisingNetwork
  ) -> Tensor

  /// Enough for a stable mean, few enough not to slow training down.
  static let mostHeldOut = 512

  private(set) var timesteps: any TimestepSampler
  private let process: DiscreteProcess
  private let compare: PerImage
  private let network: any DiffusionNetwork
  private let training: TrainingRecipe
  private let data: DataSpec
  private let device: Device
  private let residual: Residual?

  /// The loss that a recipe describes.
  convenience init(_ recipe: TrainRecipe, _ model: any DiffusionModelRecipe, _ network: any DiffusionNetwork, on device: Device) throws {
    let diffusion = try recipe.process.makeDiffusion()
    let denoising = diffusion.loss(objective: recipe.training.loss.member, weighting: recipe.training.lossWeighting.member)
    self.init(recipe.training, denoising.process, model.data, network, on: device, residual: diffusion.residual) {
      x0, t, noise, _, network in
      denoising(x0, at: t, noise: noise, network: network).perImage
    }
  }

  /// - Parameters:
  ///   - process: whose steps are the timesteps.
  ///   - residual: what is diffused in place of images, if anything.
  init(
    _ training: TrainingRecipe, _ process: DiscreteProcess, _ data: DataSpec, _ network: any DiffusionNetwork, on device: Device,
    residual: Residual? = nil, comparing compare: @escaping PerImage
  ) {
    (self.training, self.process, self.data, self.network) = (training, process, data, network)
    (self.device, self.residual, self.compare) = (device, residual, compare)
    timesteps = training.timestepSampling.member.makeSampler(for: process)
  }

  /// The loss of a batch, as a whole or in parts. Noise, timesteps, class dropout and dropout depend on seed and step alone, timesteps
  /// also on the losses of earlier steps. All but dropout is drawn for the whole batch, so that parts change nothing.
  func callAsFunction(_ batch: Batch, _ seed: Seed, _ step: Int) throws -> StepLoss {
    let x0 = target(of: batch), share = batch.share, count = share.range.count
    let wholeDraw = try timesteps.draw(share.total, using: seed.generator(for: .timesteps, step: step))
    let draw = share.isWhole ? wholeDraw : wholeDraw.part(share.range)
    let noise = share.part(of: .randn([share.total] + x0.shape.dropFirst(), using: seed.generator(for: .noise, step: step)))
      .to(device).channelsLast()
    var conditioning = Conditioning(of: batch, data, dropping: training.classDropout, seed, step, on: device)
    conditioning.augmentation = batch.augmentation
    let dropout = seed.generator(for: .dropout, step: step, rank: share.rank, on: device)  // on the device of the activations
    var losses: [Double] = []
    return StepLoss(of: share) {
      [losses]
    } report: { [self] rows in
      timesteps.learn(from: rows[0], at: wholeDraw.timesteps)
      var quartiles = LossQuartiles()
      quartiles.add(rows[0], at: wholeDraw, of: process.steps)
      return StepLoss.Report(quartiles: quartiles)
    } mean: { [self] part in
      let isWhole = part == 0..<count, drawn = isWhole ? draw : draw.part(part)
      let perImage = self.perImage(
        isWhole ? x0 : x0.slice(0, part), at: drawn, noise: isWhole ? noise : noise.slice(0, part),
        conditioning: isWhole ? conditioning : conditioning.part(part), mode: .training(dropout))
      losses += try perImage.detach().doubles()
      return drawn.mean(of: perImage)
    }
  }

  /// What is diffused: the pictures, or their scaled differences from the degraded ones.
  private func target(of batch: Batch) -> Tensor {
    guard let residual, let degraded = batch.degraded else { return batch.images }
    return residual.encode(batch.images, from: degraded)
  }

  private func perImage(
    _ x0: Tensor, at draw: TimestepDraw, noise: Tensor, conditioning: Conditioning, mode: Mode
  ) -> Tensor {
    training.withConvolutions {
      compare(x0, draw.timesteps, noise, conditioning) { x, t in
        withAutocast(to: training.precision.resolved(on: device).dtype, on: device) {
          network(x, timesteps: t, conditioning: conditioning, mode: mode)
        }
      }
    }
  }

  /// Noise and timesteps, stratified over the images of a batch, are the same every time and in every run.
  func validate(_ batch: Batch, _ number: Int, _ result: inout ValidationLoss) throws {
    let seed = Seed(0), x0 = target(of: batch), count = x0.size(0)
    let timesteps = StratifiedTimesteps().makeSampler(for: process)
    let draw = try timesteps.draw(count, using: seed.generator(for: .timesteps, step: number))
    let noise = Tensor.randn(x0.shape, using: seed.generator(for: .noise, step: number)).to(device).channelsLast()
    let conditioning = Conditioning(of: batch, data)
    let size = training.microbatch ?? count
    let losses = try withoutGradient {
      try stride(from: 0, to: count, by: size).map { start in
        let part = start..<min(start + size, count)
        guard part != 0..<count else { return self.perImage(x0, at: draw, noise: noise, conditioning: conditioning, mode: .inference) }
        return try self.perImage(
          x0.slice(0, part), at: draw.part(part), noise: noise.slice(0, part), conditioning: conditioning.part(part), mode: .inference
        ).validated()
      }
    }
    let perImage = losses.count == 1 ? losses[0] : .cat(losses, dim: 0)
    result.quartiles.add(try perImage.doubles(), at: draw, of: process.steps)
    result.add(mean: try draw.mean(of: perImage).item(), images: count)
  }

  /// Restores the timestep sampler's state from an earlier session.
  func restore(timesteps state: StateDict) throws { try timesteps.restore(state) }
}

extension Conditioning {
  /// The conditioning of the images in a range of places.
  func part(_ range: Range<Int>) -> Conditioning {
    func rows(_ tensor: Tensor?) -> Tensor? { tensor?.slice(0, range) }
    var part = self
    (part.labels, part.context, part.text, part.augmentation) = (rows(labels), rows(context), rows(text), rows(augmentation))
    (part.lowRes, part.corruptionStrengths) = (rows(lowRes), rows(corruptionStrengths))
    return part
  }

  /// The conditioning of unaugmented examples: classes, vectors or texts and, for restoration, degraded pictures with their corruption
  /// strengths.
  init(of batch: Batch, _ data: DataSpec) {
    self.init(
      labels: data.classNames.isEmpty ? nil : batch.labels, context: batch.contexts, text: batch.captions, lowRes: batch.degraded,
      // Pictures that are only downscaled have no strengths.
      corruptionStrengths: batch.corruptionStrengths.flatMap { $0.size(1) > 0 ? $0 : nil })
  }

  /// The same, a share of the classes replaced by the null class, of the vectors by zeros, of the texts by empty ones (Ho and Salimans 2022).
  /// - Parameter dropping: the share; which images it is depends on seed and step alone.
  init(of batch: Batch, _ data: DataSpec, dropping share: Double, _ seed: Seed, _ step: Int, on device: Device) {
    self.init(of: batch, data)
    guard data.knowsNull else { return }
    let isDropped = batch.share.part(of: .rand([batch.share.total], using: seed.generator(for: .labels, step: step))).to(device).lt(share)
    if let labels, let null = data.nullClass { self.labels = .where(isDropped, .full(Double(null), like: labels), labels) }
    context = context.map { .where(isDropped.unsqueeze(1), .zeros(like: $0), $0) }
    text = text.map { .where(isDropped.unsqueeze(1), .zeros(like: $0), $0) }
  }
}
