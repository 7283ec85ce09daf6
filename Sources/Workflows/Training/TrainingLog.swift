import Diffusion
import Training

/// A line of a run's log: means over its steps, except for the learning rate, which is the last step's.
public struct TrainingLogLine: Encodable, Sendable {
  public let step: Int, images: Int
  /// Omitted if every step was skipped.
  public let loss: Double?, gradientNorm: Double?
  /// The loss by quarters of the process, least noise first; omitted for a quarter without timesteps.
  public let lossQ0: Double?, lossQ1: Double?, lossQ2: Double?, lossQ3: Double?
  public let learningRate: Double, imagesPerSecond: Double, seconds: Double
  /// Steps with a non-finite loss or gradient.
  public let skippedSteps: Int
  /// The held-out loss, if it was measured since the last line.
  public let validationLoss: Double?
  /// Pictures that could not be used so far in this session; omitted if there are none.
  public let unusablePictures: Int?
  /// Names and reasons of those since the last line, at most a hundred; omitted if there are none.
  public let unusable: [String]?

  enum CodingKeys: String, CodingKey {
    case step, images, loss, seconds
    case lossQ0 = "loss_q0", lossQ1 = "loss_q1", lossQ2 = "loss_q2", lossQ3 = "loss_q3"
    case gradientNorm = "gradient_norm", learningRate = "learning_rate", imagesPerSecond = "images_per_second"
    case skippedSteps = "skipped_steps"
    case validationLoss = "validation_loss", unusablePictures = "unusable_pictures", unusable
  }

  public var quartiles: [Double?] { [lossQ0, lossQ1, lossQ2, lossQ3] }
}

/// Accumulates the steps since the last log line.
struct TrainingLog {
  private let start: TrainingPosition
  private let unusableBefore: Int
  private var loss = 0.0, norm = 0.0, count = 0, skipped = 0
  private var quartiles = LossQuartiles()

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
    count += 1
  }

  /// The line up to `last`, the most recently added step.
  func line(
    to last: TrainingStep, validationLoss: Double? = nil, unusable: UnusablePictures = UnusablePictures()
  ) -> TrainingLogLine {
    let new = unusable.reports.dropFirst(unusableBefore).prefix(Self.reportLimit)
    let mean = { (sum: Double) in count > 0 ? sum / Double(count) : nil }
    let quarters = quartiles.means
    return TrainingLogLine(
      step: last.step, images: last.images, loss: mean(loss), gradientNorm: mean(norm), lossQ0: quarters[0], lossQ1: quarters[1],
      lossQ2: quarters[2], lossQ3: quarters[3], learningRate: last.learningRate,
      imagesPerSecond: Double(last.images - start.images) / max(last.seconds - start.seconds, 1e-9), seconds: last.seconds,
      skippedSteps: skipped, validationLoss: validationLoss.flatMap { $0.isFinite ? $0 : nil },
      unusablePictures: unusable.count > 0 ? unusable.count : nil, unusable: new.isEmpty ? nil : Array(new))
  }
}
