import Diffusion
import Training

/// A line of a run's log: means over its steps, except for the learning rate, which is the last step's, and norm and memory, which
/// are those after it.
public struct TrainingLogLine: Codable, Sendable {
  public let step: Int, images: Int
  /// Omitted if every step was skipped.
  public let loss: Double?, gradientNorm: Double?
  /// The loss by quarters of the process, least noise first; omitted for a quarter without timesteps.
  public let lossQ0: Double?, lossQ1: Double?, lossQ2: Double?, lossQ3: Double?
  /// The loss at the last step of the process alone; omitted where it was not drawn.
  public let lossLast: Double?
  public let learningRate: Double, imagesPerSecond: Double, seconds: Double
  /// The share of the duration that is over, 0 to 1.
  public let progress: Double?
  /// Steps with a non-finite loss or gradient.
  public let skippedSteps: Int
  /// The L2 norm of all parameters.
  public let parameterNorm: Double?
  /// Resident memory of the process in bytes, where the system reports it.
  public let memoryBytes: Int?
  /// The batch size at which the gradient's noise is of its own size, in images; omitted without microbatches.
  public let gradientNoiseScale: Double?
  /// The held-out loss, if it was measured since the last line.
  public let validationLoss: Double?
  /// The same by quarters of the process, least noise first.
  public let validationLossQ0: Double?, validationLossQ1: Double?, validationLossQ2: Double?, validationLossQ3: Double?
  /// A classifier's accuracy, and that on held-out images if it was measured since the last line.
  public internal(set) var accuracy: Double?, validationAccuracy: Double?
  /// The latter by quarters of the process, least noise first; omitted for clean images.
  public internal(set) var validationAccuracyQ0: Double?, validationAccuracyQ1: Double?
  public internal(set) var validationAccuracyQ2: Double?, validationAccuracyQ3: Double?
  /// True in the last line of a run that is stopped early; omitted in others.
  public let stoppedEarly: Bool?
  /// Pictures that could not be used so far in this session; omitted if there are none.
  public let unusablePictures: Int?
  /// Names and reasons of those since the last line, at most a hundred; omitted if there are none.
  public let unusable: [String]?

  enum CodingKeys: String, CodingKey {
    case step, images, loss, seconds, progress
    case lossQ0 = "loss_q0", lossQ1 = "loss_q1", lossQ2 = "loss_q2", lossQ3 = "loss_q3", lossLast = "loss_last"
    case gradientNorm = "gradient_norm", learningRate = "learning_rate", imagesPerSecond = "images_per_second"
    case skippedSteps = "skipped_steps"
    case parameterNorm = "parameter_norm", memoryBytes = "memory_bytes", gradientNoiseScale = "gradient_noise_scale"
    case validationLossQ0 = "validation_loss_q0", validationLossQ1 = "validation_loss_q1"
    case validationLossQ2 = "validation_loss_q2", validationLossQ3 = "validation_loss_q3"
    case accuracy, validationAccuracy = "validation_accuracy"
    case validationAccuracyQ0 = "validation_accuracy_q0", validationAccuracyQ1 = "validation_accuracy_q1"
    case validationAccuracyQ2 = "validation_accuracy_q2", validationAccuracyQ3 = "validation_accuracy_q3"
    case stoppedEarly = "stopped_early", validationLoss = "validation_loss", unusablePictures = "unusable_pictures", unusable
  }

  public var quartiles: [Double?] { [lossQ0, lossQ1, lossQ2, lossQ3] }
  public var validationQuartiles: [Double?] { [validationLossQ0, validationLossQ1, validationLossQ2, validationLossQ3] }
  public var validationAccuracies: [Double?] {
    [validationAccuracyQ0, validationAccuracyQ1, validationAccuracyQ2, validationAccuracyQ3]
  }
}

/// Accumulates the steps since the last log line.
struct TrainingLog {
  private let start: TrainingPosition
  private let unusableBefore: Int
  private var loss = 0.0, norm = 0.0, count = 0, skipped = 0
  /// The sum over steps; nil where nothing is classified.
  private var accuracy: Double?
  private var quartiles = LossQuartiles()
  private var noiseScale = GradientNoiseScale()

  /// The most pictures reported in one line, so that the log stays readable for a damaged data set.
  private static let reportLimit = 100

  /// - Parameters:
  ///   - start: the position before the first step.
  ///   - unusable: the number of pictures already reported.
  init(from start: TrainingPosition, unusable: Int = 0) {
    self.start = start
    unusableBefore = unusable
  }

  var isEmpty: Bool { count + skipped == 0 }

  mutating func add(_ step: TrainingStep) {
    guard step.loss.isFinite, step.gradientNorm.isFinite else {
      skipped += 1
      return
    }
    loss += step.loss
    norm += step.gradientNorm
    quartiles += step.quartiles
    if let share = step.accuracy { accuracy = (accuracy ?? 0) + share }
    noiseScale += step.noiseScale
    count += 1
  }

  /// The line up to `last`, the most recently added step.
  func line(
    to last: TrainingStep, validation: ValidationLoss? = nil, unusable: UnusablePictures = UnusablePictures(),
    parameterNorm: Double? = nil, memoryBytes: Int? = nil, isStoppedEarly: Bool = false
  ) -> TrainingLogLine {
    let new = unusable.reports.dropFirst(unusableBefore).prefix(Self.reportLimit)
    let mean = { (sum: Double) in count > 0 ? sum / Double(count) : nil }
    let finite = { (value: Double?) in value.flatMap { $0.isFinite ? $0 : nil } }
    let quarters = quartiles.means, validationQuarters = validation?.quartiles.means.map(finite) ?? [nil, nil, nil, nil]
    let accuracies = validation?.accuracies.means ?? [nil, nil, nil, nil]
    return TrainingLogLine(
      step: last.step, images: last.images, loss: mean(loss), gradientNorm: mean(norm), lossQ0: quarters[0], lossQ1: quarters[1],
      lossQ2: quarters[2], lossQ3: quarters[3], lossLast: quartiles.last, learningRate: last.learningRate,
      imagesPerSecond: Double(last.images - start.images) / max(last.seconds - start.seconds, 1e-9), seconds: last.seconds,
      progress: last.progress, skippedSteps: skipped, parameterNorm: finite(parameterNorm), memoryBytes: memoryBytes,
      gradientNoiseScale: finite(noiseScale.images),
      validationLoss: finite(validation?.mean), validationLossQ0: validationQuarters[0], validationLossQ1: validationQuarters[1],
      validationLossQ2: validationQuarters[2], validationLossQ3: validationQuarters[3],
      accuracy: accuracy.flatMap(mean), validationAccuracy: validation?.accuracy, validationAccuracyQ0: accuracies[0],
      validationAccuracyQ1: accuracies[1], validationAccuracyQ2: accuracies[2], validationAccuracyQ3: accuracies[3],
      stoppedEarly: isStoppedEarly ? true : nil,
      unusablePictures: unusable.count > 0 ? unusable.count : nil, unusable: new.isEmpty ? nil : Array(new))
  }
}
