/// How far a training has come: all that decides its next step, beside the tensors.
public struct TrainingPosition: Codable, Sendable, Equatable {
  /// Steps taken, images seen in them, updates of the average: fewer than steps where some were skipped, more in a training that
  /// started from another's weights.
  public var step: Int, images: Int, averageSteps: Int
  /// Seconds of training.
  public var seconds: Double
  /// `training.learning_rate` of the last step, halved for each time that the training had gone back; nil before the first step and where
  /// it is not known, as in checkpoints of version 0.1.0.
  public var learningRate: Double?
  /// Whether one can train on from here: the last step was not skipped, and its loss was where losses had been before.
  public var isGood: Bool
  var lossHealth: LossHealth
  public internal(set) var validation = ValidationState()
  /// How often the training has gone back to an earlier checkpoint with half the learning rate.
  public internal(set) var rollbacks = 0
  /// `training.learning_rate` of the steps that diverged; nil for a training that has not gone back.
  var rollbackRate: Double?
  /// Updates of the further averages, by their labels.
  var averageUpdates: [String: Int] = [:]

  public init(
    step: Int, images: Int, averageSteps: Int, seconds: Double, learningRate: Double? = nil, isGood: Bool = true
  ) {
    self.init(
      step: step, images: images, averageSteps: averageSteps, seconds: seconds, learningRate: learningRate, isGood: isGood,
      lossHealth: LossHealth())
  }

  init(
    step: Int, images: Int, averageSteps: Int, seconds: Double, learningRate: Double?, isGood: Bool, lossHealth: LossHealth
  ) {
    self.step = step
    self.images = images
    self.averageSteps = averageSteps
    self.seconds = seconds
    self.learningRate = learningRate
    self.isGood = isGood
    self.lossHealth = lossHealth
  }

  /// What version 0.1.0 does not write has its initial value.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    step = try container.decode(Int.self, forKey: .step)
    images = try container.decode(Int.self, forKey: .images)
    averageSteps = try container.decode(Int.self, forKey: .averageSteps)
    seconds = try container.decode(Double.self, forKey: .seconds)
    learningRate = try container.decodeIfPresent(Double.self, forKey: .learningRate)
    isGood = try container.decodeIfPresent(Bool.self, forKey: .isGood) ?? true
    lossHealth = try container.decodeIfPresent(LossHealth.self, forKey: .lossHealth) ?? LossHealth()
    validation = try container.decodeIfPresent(ValidationState.self, forKey: .validation) ?? ValidationState()
    rollbacks = try container.decodeIfPresent(Int.self, forKey: .rollbacks) ?? 0
    rollbackRate = try container.decodeIfPresent(Double.self, forKey: .rollbackRate)
    averageUpdates = try container.decodeIfPresent([String: Int].self, forKey: .averageUpdates) ?? [:]
  }

  /// Whether a training can have come so far; checked before a file is trusted.
  var isPossible: Bool {
    ([step, images, averageSteps] + averageUpdates.values).allSatisfy { (0...(1 << 53)).contains($0) }
      && [learningRate, rollbackRate].allSatisfy { $0.map { $0 > 0 && $0.isFinite } ?? true }
      && seconds >= 0 && seconds.isFinite && lossHealth.isPossible
      && validation.isPossible && (0...1000).contains(rollbacks)
  }
}

/// What the losses of held-out images have led to.
public struct ValidationState: Codable, Sendable, Equatable {
  /// Whether the loss is to be measured before the next step: a checkpoint is written first, and a training may end in between.
  public internal(set) var isDue = false
  /// The state of the schedule of the learning rate.
  public internal(set) var plateau = PlateauState()
  /// The state of early stopping.
  public internal(set) var progress = ValidationProgress()
  public init() {}
  var isPossible: Bool { plateau.isPossible && progress.isPossible }
}
