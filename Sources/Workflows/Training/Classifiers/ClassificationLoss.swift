import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors
import Training

/// The cross entropy of a classifier in nats, on images noised by the process of the model that it will guide (Dhariwal and Nichol 2021,
/// section 4) or on clean images, with the state of its timestep sampler.
final class ClassificationLoss: TrainingObjective {
  /// Shares of a quarter of the images are compared: they need more images than a mean of losses does.
  static let mostHeldOut = 2048

  private(set) var timesteps: any TimestepSampler
  /// nil for clean images.
  private let process: DiscreteProcess?
  private let classifier: any NoisyClassifier
  private let training: TrainingRecipe
  private let device: Device

  init(_ recipe: TrainRecipe, _ model: ClassifierModelRecipe, _ classifier: any NoisyClassifier, on device: Device) throws {
    let process = try model.process.makeProcess()
    self.process = model.cleanImages ? nil : process
    training = recipe.training
    timesteps = training.timestepSampling.member.makeSampler(for: process)
    self.classifier = classifier
    self.device = device
  }

  func callAsFunction(_ batch: Batch, _ seed: Seed, _ step: Int) throws -> StepLoss {
    let share = batch.share
    let (examples, draw) = try examples(batch, timesteps, seed, step), count = examples.count
    let dropout = seed.generator(for: .dropout, step: step, rank: share.rank, on: device)  // on the device of the activations
    var losses: [Double] = [], hits: [Double] = []
    return StepLoss(
      of: share, figures: { [losses, hits] },
      report: { [self] rows in
        var report = StepLoss.Report(quartiles: LossQuartiles(), accuracy: rows[1].reduce(0, +) / Double(share.total))
        guard let process else { return report }
        timesteps.learn(from: rows[0], at: draw.timesteps)
        report.quartiles.add(rows[0], at: draw, of: process.steps)
        return report
      },
      mean: { [self] range in
        let part = range == 0..<count ? examples : examples.part(range)
        let logits = logits(part, .training(dropout)), perImage = logits.crossEntropy(part.labels)
        losses += try perImage.detach().doubles()
        hits += try logits.detach().hits(part.labels)
        return part.draw.mean(of: perImage)
      })
  }

  func validate(_ batch: Batch, _ number: Int, _ result: inout ValidationLoss) throws {
    let stratified = process.map { StratifiedTimesteps().makeSampler(for: $0) } ?? timesteps
    let examples = try examples(batch, stratified, Seed(0), number).part, count = examples.count
    let logits = try withoutGradient {
      let size = training.microbatch ?? count
      let parts = try stride(from: 0, to: count, by: size).map { start in
        try self.logits(examples.part(start..<min(start + size, count)), .inference).validated()
      }
      return parts.count == 1 ? parts[0] : .cat(parts, dim: 0)
    }
    let perImage = logits.crossEntropy(examples.labels), hits = try logits.hits(examples.labels)
    result.add(mean: try examples.draw.mean(of: perImage).item(), images: count, hits: hits.reduce(0, +))
    guard let process else { return }
    result.quartiles.add(try perImage.doubles(), at: examples.draw, of: process.steps)
    result.accuracies.add(hits, at: examples.draw, of: process.steps)
  }

  func restore(timesteps state: StateDict) throws { try timesteps.restore(state) }

  /// Images with noise, or as they are at timestep 0. Augmentation is no input: the class is to be known in spite of it.
  /// - Returns: those of the batch's share, and the timesteps of the whole batch.
  private func examples(
    _ batch: Batch, _ timesteps: any TimestepSampler, _ seed: Seed, _ step: Int
  ) throws -> (part: ClassifiedImages, whole: TimestepDraw) {
    guard let labels = batch.labels else {
      throw SfumatoError(.data, "the data have pictures without a class; expected a class for each, to train a classifier")
    }
    let x0 = batch.images, share = batch.share, count = share.range.count
    guard let process else {
      let whole = TimestepDraw([Int](repeating: 0, count: share.total))
      return (ClassifiedImages(images: x0, timesteps: .zeros([count], on: device), labels: labels, draw: whole.part(share.range)), whole)
    }
    let whole = try timesteps.draw(share.total, using: seed.generator(for: .timesteps, step: step))
    let draw = share.isWhole ? whole : whole.part(share.range), levels = process.levels(draw.timesteps)
    let noise = share.part(of: .randn([share.total] + x0.shape.dropFirst(), using: seed.generator(for: .noise, step: step)))
      .to(device).channelsLast()
    let images = ClassifiedImages(
      images: qSample(x0, at: levels, noise: noise), timesteps: Tensor(levels.map { Float($0.timestep) }).to(device), labels: labels,
      draw: draw)
    return (images, whole)
  }

  private func logits(_ examples: ClassifiedImages, _ mode: Mode) -> Tensor {
    training.withConvolutions {
      withAutocast(to: training.precision.resolved(on: device).dtype, on: device) {
        classifier(examples.images, timesteps: examples.timesteps, mode: mode)
      }
    }
  }
}

/// Images as a classifier gets them, with their classes.
private struct ClassifiedImages {
  /// `[N, C, H, W]`.
  let images: Tensor
  /// `[N]`, as networks are given them.
  let timesteps: Tensor
  /// `[N]` int64.
  let labels: Tensor
  let draw: TimestepDraw

  var count: Int { draw.timesteps.count }

  /// The images in a range of places.
  func part(_ range: Range<Int>) -> Self {
    Self(images: images.slice(0, range), timesteps: timesteps.slice(0, range), labels: labels.slice(0, range), draw: draw.part(range))
  }
}

extension Tensor {
  /// −log p of the class of each image, `[N]`, of logits `[N, classes]`.
  fileprivate func crossEntropy(_ labels: Tensor) -> Tensor { -logSoftmax(1).gather(1, labels.unsqueeze(1)).squeeze(1) }

  /// 1 for each image whose class has the largest of its logits, otherwise 0.
  fileprivate func hits(_ labels: Tensor) throws -> [Double] { try argmax(1).eq(labels).to(.float32).doubles() }
}
