import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors
import Training

/// What a student minimises, with the state of its timestep sampler: which of its steps the images of a batch are at.
final class DistillationLoss: TrainingObjective {
  static let mostHeldOut = 512

  private(set) var timesteps: any TimestepSampler
  private let distillation: ProgressiveDistillation
  private let teacher: DistillationTeacher
  private let student: any DiffusionNetwork
  private let training: TrainingRecipe
  private let data: DataSpec
  private let device: Device

  init(
    _ recipe: TrainRecipe, _ distilled: DistillationRecipe, _ model: ModelRecipe, _ student: any DiffusionNetwork, on device: Device
  ) throws {
    training = recipe.training
    distillation = try ProgressiveDistillation(
      model.process.makeDiffusion(), steps: distilled.steps, error: training.loss.member.predictionError ?? SquaredError(),
      weighting: training.lossWeighting.member)
    timesteps = training.timestepSampling.member.makeSampler(for: distillation.process)
    teacher = try DistillationTeacher(distilled, precision: training.precision.resolved(on: device), on: device)
    (self.student, self.device, data) = (student, device, model.data)
  }

  func callAsFunction(_ batch: Batch, _ seed: Seed, _ step: Int) throws -> StepLoss {
    let x0 = batch.images, share = batch.share, count = share.range.count
    let wholeDraw = try timesteps.draw(share.total, using: seed.generator(for: .timesteps, step: step))
    let draw = share.isWhole ? wholeDraw : wholeDraw.part(share.range)
    let noise = share.part(of: .randn([share.total] + x0.shape.dropFirst(), using: seed.generator(for: .noise, step: step)))
      .to(device).channelsLast()
    let conditioning = Conditioning(of: batch, data, dropping: training.classDropout, seed, step, on: device)
    let dropout = seed.generator(for: .dropout, step: step, rank: share.rank, on: device)  // on the device of the activations
    var losses: [Double] = []
    return StepLoss(of: share) {
      [losses]
    } report: { [self] rows in
      timesteps.learn(from: rows[0], at: wholeDraw.timesteps)
      var quartiles = LossQuartiles()
      quartiles.add(rows[0], at: wholeDraw, of: distillation.process.steps)
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

  private func perImage(_ x0: Tensor, at draw: TimestepDraw, noise: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    training.withConvolutions {
      distillation(x0, at: draw.timesteps, noise: noise, teacher: teacher.denoiser(conditioning)) { x, t in
        withAutocast(to: training.precision.resolved(on: device).dtype, on: device) {
          student(x, timesteps: t, conditioning: conditioning, mode: mode)
        }
      }
    }
  }

  /// Noise and steps, stratified over the images of a batch, are the same every time and in every run.
  func validate(_ batch: Batch, _ number: Int, _ result: inout ValidationLoss) throws {
    let seed = Seed(0), x0 = batch.images, count = x0.size(0)
    let draw = try StratifiedTimesteps().makeSampler(for: distillation.process)
      .draw(count, using: seed.generator(for: .timesteps, step: number))
    let noise = Tensor.randn(x0.shape, using: seed.generator(for: .noise, step: number)).to(device).channelsLast()
    let conditioning = Conditioning(of: batch, data), size = training.microbatch ?? count
    let losses = try withoutGradient {
      try stride(from: 0, to: count, by: size).map { start in
        let part = start..<min(start + size, count)
        return try self.perImage(
          x0.slice(0, part), at: draw.part(part), noise: noise.slice(0, part), conditioning: conditioning.part(part), mode: .inference
        ).validated()
      }
    }
    let perImage = losses.count == 1 ? losses[0] : .cat(losses, dim: 0)
    result.quartiles.add(try perImage.doubles(), at: draw, of: distillation.process.steps)
    result.add(mean: try draw.mean(of: perImage).item(), images: count)
  }

  func restore(timesteps state: StateDict) throws { try timesteps.restore(state) }
}
