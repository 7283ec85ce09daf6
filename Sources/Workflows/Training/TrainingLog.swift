import Diffusion
import Training

/// A line of a training's log: means over its steps, except for the learning rate, which is the last step's.
public struct TrainingLogLine: Encodable, Sendable {
  public let step: Int, images: Int
  /// Missing where every step was skipped.
  public let loss: Double?, gradientNorm: Double?
  /// The loss by quarters of the process, least noise first; missing where no timestep fell.
  public let lossQ0: Double?, lossQ1: Double?, lossQ2: Double?, lossQ3: Double?
  public let learningRate: Double, imagesPerSecond: Double, seconds: Double
  /// Steps whose loss or gradient was not finite.
  public let skippedSteps: Int
  /// The loss of examples that are held out, measured since the last line; missing where it was not.
  public let validationLoss: Double?
  /// Pictures that could not be used so far in this sitting; missing where there are none.
  public let unusablePictures: Int?
  /// Names and reasons of those met since the last line, a hundred at most; missing where there are none.
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

/// The steps since the last line of a training's log, on their way to the next.
struct TrainingLog {
  private let start: TrainingPosition
  private let unusableBefore: Int
  private var loss = 0.0, norm = 0.0, count = 0, skipped = 0
  private var quartiles = LossQuartiles()

  /// Reports of pictures in one line: a data set may be bad, the log must stay readable.
  private static let reportLimit = 100

  /// - Parameters:
  ///   - start: where the training stands before the first step.
  ///   - unusable: the pictures reported before.
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

  /// The line up to `last`, the step added last.
  func line(
    to last: TrainingStep, validationLoss: Double? = nil, unusable: UnusablePictures = UnusablePictures()
  ) -> TrainingLogLine {
    let news = unusable.reports.dropFirst(unusableBefore).prefix(Self.reportLimit)
    let mean = { (sum: Double) in count > 0 ? sum / Double(count) : nil }
    let quarters = quartiles.means
    return TrainingLogLine(
      step: last.step, images: last.images, loss: mean(loss), gradientNorm: mean(norm), lossQ0: quarters[0], lossQ1: quarters[1],
      lossQ2: quarters[2], lossQ3: quarters[3], learningRate: last.learningRate,
      imagesPerSecond: Double(last.images - start.images) / max(last.seconds - start.seconds, 1e-9), seconds: last.seconds,
      skippedSteps: skipped, validationLoss: validationLoss.flatMap { $0.isFinite ? $0 : nil },
      unusablePictures: unusable.count > 0 ? unusable.count : nil, unusable: news.isEmpty ? nil : Array(news))
  }
}
