import Datasets
import Diffusion
import Failures
import Foundation
import NN
import RecipeKit
import Tensors

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
  private let buffers: [(name: String, buffer: Buffer)]
  public let loader: BatchLoader
  private let device: Device
  private let loss: Loss
  /// The processes that train together, of which each computes a part of every batch; nil for one alone.
  package let group: ProcessGroup?
  /// Seconds of process 0 since the last exchange, which the next one tells the others.
  private var untoldSeconds = 0.0
  /// Whether one of several processes was asked to stop; all of them know of it after the same step.
  public private(set) var isStopAgreed = false
  package let update: ParameterUpdate
  private var skipped = 0
  /// Whether the last step was skipped, because its loss or its gradient was not finite.
  public var isSkipping: Bool { skipped > 0 }
  private var health = LossHealth()
  /// Where the training stood after the last step that was not skipped and whose loss was where losses had been before.
  public private(set) var lastGoodPosition = TrainingPosition(step: 0, images: 0, averageSteps: 0, seconds: 0)
  /// What the losses of held-out images have led to, and whether they are to be measured before the next step.
  public private(set) var validation = ValidationState()
  /// How often the training has gone back to an earlier checkpoint, each time with half the learning rate.
  public private(set) var rollbacks = 0

  /// - Parameter group: processes that train together; the loader has this one's share of the batches.
  public init(
    _ module: any Module, loader: BatchLoader, recipe: TrainingRecipe, on device: Device, group: ProcessGroup? = nil,
    loss: @escaping Loss
  ) {
    self.group = group
    self.recipe = recipe
    self.loader = loader
    self.device = device
    self.loss = loss
    parameters = module.namedParameters()
    buffers = module.namedBuffers()
    update = ParameterUpdate(parameters, buffers: buffers, recipe)
  }

  public var optimizer: any Optimizer { update.optimizer }
  /// The average that sampling uses.
  public var average: ExponentialMovingAverage { update.average }

  /// The share of the duration that is over, 0 to 1.
  public var progress: Double {
    switch recipe.duration {
    case .images(let total): total > 0 ? Double(images) / Double(total) : 1
    case .epochs(let epochs): epochs > 0 ? Double(images) / (epochs * Double(loader.data.count)) : 1
    case .seconds(let total): total > 0 ? seconds / Double(total) : 1
    }
  }

  /// The learning rate of the next step.
  public var learningRate: Double {
    recipe.learningRate(afterImages: images, progress: progress, plateau: validation.plateau) * rollbackFactor
  }

  /// `training.learning_rate`, halved for each time that the training has gone back.
  package var baseLearningRate: Double { recipe.learningRate * rollbackFactor }
  private var rollbackFactor: Double { pow(0.5, Double(rollbacks)) }
  /// That of the last step, see `TrainingPosition.learningRate`.
  private var lastBaseLearningRate: Double?

  /// Whether the loss of held-out images has not improved for as long as `training.early_stopping` allows.
  public var isStoppedEarly: Bool { recipe.earlyStopping.map { validation.progress.failures >= $0.patience } ?? false }

  /// Takes one step; nil when the duration is over, or when the training is stopped early.
  /// - Throws: what the data or the network throw; `TrainingError` when the loss stays not finite.
  public func next() throws -> TrainingStep? {
    guard progress < 1, !isStoppedEarly else { return nil }
    let start = ContinuousClock.now
    let rate = learningRate
    let loss = try self.loss(loader.batch(at: images, on: device), Seed(recipe.seed), step)
    var figures: [[Double]] = []
    let outcome = try update.run(loss, learningRate: rate, in: group) { own in
      let agreed = try settle(own, loss, since: start)
      figures = agreed.figures
      return agreed.loss
    }
    let report = loss.report(figures)
    try countSkips(outcome.gradientNorm)
    lastBaseLearningRate = baseLearningRate
    step += 1
    images += loader.batchSize
    if group == nil { seconds += start.duration(to: .now) / .seconds(1) } else { untoldSeconds += start.duration(to: .now) / .seconds(1) }
    if outcome.gradientNorm.isFinite { health.add(outcome.loss) }
    if position.isGood { lastGoodPosition = position }
    return TrainingStep(
      step: step, images: images, loss: outcome.loss, gradientNorm: outcome.gradientNorm, learningRate: rate, seconds: seconds,
      progress: min(progress, 1), quartiles: report.quartiles, accuracy: report.accuracy, noiseScale: outcome.noiseScale)
  }

  /// What the processes agree on before they add up their gradients: the loss, the time, which decides about rates and the end, and
  /// whether to stop.
  private func settle(_ own: Double, _ loss: StepLoss, since start: ContinuousClock.Instant) throws -> StepExchange {
    let elapsed = start.duration(to: .now) / .seconds(1)
    let exchange = StepExchange(
      loss: own, seconds: seconds + untoldSeconds + elapsed, isStopRequested: Interruption.isRequested, figures: loss.figures())
    guard let group else { return exchange }
    let agreed = try exchange.summed(over: group, loss.share)
    (seconds, untoldSeconds) = (agreed.seconds, -elapsed)
    isStopAgreed = isStopAgreed || agreed.isStopRequested
    return agreed
  }

  private func countSkips(_ norm: Double) throws {
    skipped = norm.isFinite ? 0 : skipped + 1
    if skipped >= recipe.skipLimit {
      throw TrainingError(
        "the loss or its gradient was not finite for \(skipped) steps in a row, the last of them step \(step + 1); "
          + "resume from the last good checkpoint with a lower training.learning_rate")
    }
  }

  // MARK: Validation

  /// Notes that the loss of held-out images is to be measured at this step.
  package func requestValidation() { validation.isDue = true }

  /// Takes note of that loss, measured with the parameters as they are; nil where no images are held out.
  package func observe(validationLoss loss: Double?) {
    validation.isDue = false
    guard let loss else { return }
    recipe.decay.member.observe(validationLoss: loss, step: step, &validation.plateau)
    validation.progress.observe(loss, step: step, threshold: recipe.earlyStopping?.threshold ?? 0)
  }

  // MARK: State

  /// A snapshot of the parameters as they are, not averaged, and of the buffers.
  public func weights() -> StateDict {
    StateDict(parameters.map { ($0.name, $0.parameter.value.detach().clone()) } + buffers.map { ($0.name, $0.buffer.value.clone()) })
  }

  /// Overwrites parameters and buffers.
  private func load(_ weights: StateDict) throws {
    let shapes = parameters.map { ($0.name, $0.parameter.shape) } + buffers.map { ($0.name, $0.buffer.value.shape) }
    try StateMismatch.check(expected: shapes, found: weights)
    for (name, parameter) in parameters { try parameter.assign(weights[name]!) }
    for (name, buffer) in buffers { try buffer.assign(weights[name]!) }
  }

  /// The L2 norm of all parameters.
  package func parameterNorm() throws -> Double {
    try withoutGradient {
      try Tensor.stack(parameters.map { $0.parameter.value.detach().norm() }).to(.float64).norm().item()
    }
  }

  /// Starts from the weights of another model, with fresh moments.
  /// - Throws: `StateMismatch` when they do not fit the module.
  public func start(weights: StateDict, average: StateDict) throws {
    try load(weights)
    // What is averaged already needs no warm-up.
    try self.average.load(average, steps: ExponentialMovingAverage.stepsOfWarmUp(to: recipe.emaRate))
    try update.further.load(StateDict(), updates: [:])
  }

  /// Resumes from a checkpoint.
  /// - Parameter averages: those beside the one that sampling uses. One that it lacks begins here.
  /// - Throws: `StateMismatch` when a part of it does not fit the module.
  public func restore(
    weights: StateDict, average: StateDict, averages: StateDict = StateDict(), optimizer: StateDict, at position: TrainingPosition
  ) throws {
    try load(weights)
    try self.average.load(average, steps: position.averageSteps)
    try update.further.load(averages, updates: position.averageUpdates)
    try self.optimizer.load(optimizer)
    (step, images, seconds) = (position.step, position.images, position.seconds)
    (health, lastGoodPosition, skipped) = (position.lossHealth, position, 0)
    validation = position.validation
    // A rate that the user has changed since is meant as it is.
    rollbacks = position.rollbackRate == recipe.learningRate ? position.rollbacks : 0
    lastBaseLearningRate = position.learningRate
  }

  /// Goes on from the checkpoint that was restored last with half the rate that it had, or that an earlier attempt had.
  package func countRollback(after attempts: Int, seconds: Double) {
    rollbacks = attempts + 1
    self.seconds = seconds
  }

  /// How far training has come.
  public var position: TrainingPosition {
    var position = TrainingPosition(
      step: step, images: images, averageSteps: average.steps, seconds: seconds, learningRate: lastBaseLearningRate,
      isGood: !isSkipping && health.isGood, lossHealth: health)
    position.validation = validation
    (position.rollbacks, position.rollbackRate) = (rollbacks, rollbacks > 0 ? recipe.learningRate : nil)
    position.averageUpdates = update.further.updates
    return position
  }
}
