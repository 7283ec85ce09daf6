import Diffusion
import Failures
import Foundation
import NN
import RecipeKit
import Tensors

/// What happened in one step.
public struct TrainingStep: Sendable {
  /// The number of the step, from 1, and of the images seen with it.
  public let step: Int, images: Int
  /// The mean loss of the batch; not finite when the step was skipped.
  public let loss: Double
  /// The L2 norm of the gradient before clipping.
  public let gradientNorm: Double
  public let learningRate: Double
  /// Seconds of training so far, earlier sessions included.
  public let seconds: Double
  /// The share of the duration that is over, 0 to 1.
  public let progress: Double
  /// The loss by the noise that its images had.
  public let quartiles: LossQuartiles

  package init(
    step: Int, images: Int, loss: Double, gradientNorm: Double, learningRate: Double, seconds: Double, progress: Double,
    quartiles: LossQuartiles = LossQuartiles()
  ) {
    self.step = step
    self.images = images
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.learningRate = learningRate
    self.seconds = seconds
    self.progress = progress
    self.quartiles = quartiles
  }
}

/// What a step minimises, and what is reported of it.
public struct StepLoss {
  /// The scalar to call `backward()` on.
  public var mean: Tensor
  public var quartiles: LossQuartiles

  public init(_ mean: Tensor, quartiles: LossQuartiles = LossQuartiles()) {
    self.mean = mean
    self.quartiles = quartiles
  }
}

/// Why a training stopped before its end.
public struct TrainingError: ClassifiedError, CustomStringConvertible {
  public var failure: Failure { .data }
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Trains a module on a data set, one step at each call: the caller decides what happens between steps, and stops by not
/// calling.
///
/// All randomness is derived from the seed and the number of the step, so a training that is resumed from a checkpoint takes
/// the steps that it would have taken uninterrupted.
public final class Trainer {
  /// Gives the loss of a batch; generators for its randomness come from seed and step.
  public typealias Loss = (_ batch: Batch, _ seed: Seed, _ step: Int) throws -> StepLoss

  public let recipe: TrainingRecipe
  public private(set) var step = 0
  public private(set) var images = 0
  public private(set) var seconds = 0.0

  package let parameters: [(name: String, parameter: Parameter)]
  public let loader: BatchLoader
  private let device: Device
  private let loss: Loss
  public let optimizer: AdamW
  public let average: ExponentialMovingAverage
  private var skipped = 0
  /// Whether the last step was skipped, because its loss or its gradient was not finite.
  public var isSkipping: Bool { skipped > 0 }
  private var health = LossHealth()
  /// Where the training stood after the last step that was not skipped and whose loss was where losses had been before.
  public private(set) var lastGoodPosition = TrainingPosition(step: 0, images: 0, averageSteps: 0, seconds: 0)

  /// Steps in a row whose loss or gradient is not finite, after which training stops.
  static let skipLimit = 20

  public init(_ module: any Module, loader: BatchLoader, recipe: TrainingRecipe, on device: Device, loss: @escaping Loss) {
    self.recipe = recipe
    self.loader = loader
    self.device = device
    self.loss = loss
    parameters = module.namedParameters()
    optimizer = AdamW(parameters, recipe.optimizer)
    average = ExponentialMovingAverage(parameters, rate: recipe.emaRate)
  }

  /// The share of the duration that is over, 0 to 1.
  public var progress: Double {
    switch recipe.duration {
    case .images(let total): total > 0 ? Double(images) / Double(total) : 1
    case .epochs(let epochs): epochs > 0 ? Double(images) / (epochs * Double(loader.data.count)) : 1
    case .seconds(let total): total > 0 ? seconds / Double(total) : 1
    }
  }

  /// Takes one step; nil when the duration is over.
  /// - Throws: what the data or the network throw; `TrainingError` when the loss stays not finite.
  public func next() throws -> TrainingStep? {
    guard progress < 1 else { return nil }
    let start = ContinuousClock.now
    let rate = recipe.learningRate(afterImages: images, progress: progress)
    let batch = try loader.batch(at: images, on: device)
    let loss = try self.loss(batch, Seed(recipe.seed), step)
    let value = try loss.mean.item()
    let norm = try value.isFinite ? update(loss.mean, learningRate: rate) : .nan
    try countSkips(norm)
    step += 1
    images += loader.batchSize
    seconds += start.duration(to: .now) / .seconds(1)
    if norm.isFinite { health.add(value) }
    if position.isGood { lastGoodPosition = position }
    return TrainingStep(
      step: step, images: images, loss: value, gradientNorm: norm, learningRate: rate, seconds: seconds, progress: min(progress, 1),
      quartiles: loss.quartiles)
  }

  /// Gradient, clipping, step, average. A gradient that is not finite changes nothing.
  private func update(_ loss: Tensor, learningRate: Double) throws -> Double {
    try optimizer.clearGradients()
    try loss.backward()
    let norm = try optimizer.clipGradients(to: recipe.gradientClip)
    guard norm.isFinite else { return norm }
    try optimizer.step(learningRate: learningRate)
    try average.update()
    return norm
  }

  private func countSkips(_ norm: Double) throws {
    skipped = norm.isFinite ? 0 : skipped + 1
    if skipped >= Self.skipLimit {
      throw TrainingError(
        "the loss or its gradient was not finite for \(skipped) steps in a row, the last of them step \(step + 1); "
          + "resume from the last good checkpoint with a lower training.learning_rate")
    }
  }

  /// A snapshot of the parameters as they are, not averaged.
  public func weights() -> StateDict { StateDict(parameters.map { ($0.name, $0.parameter.value.detach().clone()) }) }

  /// Starts from the weights of another model, with fresh moments.
  /// - Throws: `StateMismatch` when they do not fit the module.
  public func start(weights: StateDict, average: StateDict) throws {
    try StateMismatch.check(expected: parameters.map { ($0.name, $0.parameter.shape) }, found: weights)
    for (name, parameter) in parameters { try parameter.assign(weights[name]!) }
    // What is averaged already needs no warm-up.
    try self.average.load(average, steps: ExponentialMovingAverage.stepsOfWarmUp(to: recipe.emaRate))
  }

  /// Resumes from a checkpoint.
  /// - Throws: `StateMismatch` when a part of it does not fit the module.
  public func restore(weights: StateDict, average: StateDict, optimizer: StateDict, at position: TrainingPosition) throws {
    try StateMismatch.check(expected: parameters.map { ($0.name, $0.parameter.shape) }, found: weights)
    for (name, parameter) in parameters { try parameter.assign(weights[name]!) }
    try self.average.load(average, steps: position.averageSteps)
    try self.optimizer.load(optimizer)
    (step, images, seconds) = (position.step, position.images, position.seconds)
    (health, lastGoodPosition) = (position.lossHealth, position)
  }

  /// How far training has come.
  public var position: TrainingPosition {
    TrainingPosition(
      step: step, images: images, averageSteps: average.steps, seconds: seconds, learningRate: recipe.learningRate,
      isGood: !isSkipping && health.isGood, lossHealth: health)
  }
}
