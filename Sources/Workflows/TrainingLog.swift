import Training

/// The steps since the last line of a training's log, on their way to the next.
struct TrainingLog {
  private let start: TrainingPosition
  private var loss = 0.0, norm = 0.0, count = 0, skipped = 0

  /// - Parameter start: where the training stands before the first step.
  init(from start: TrainingPosition) { self.start = start }

  /// A line: means over its steps, except for the learning rate, which is the last step's.
  struct Line: Encodable {
    let step: Int, images: Int
    /// Missing where every step was skipped.
    let loss: Double?, gradientNorm: Double?
    let learningRate: Double, imagesPerSecond: Double, seconds: Double
    /// Steps whose loss or gradient was not finite.
    let skippedSteps: Int

    enum CodingKeys: String, CodingKey {
      case step, images, loss, seconds
      case gradientNorm = "gradient_norm", learningRate = "learning_rate", imagesPerSecond = "images_per_second"
      case skippedSteps = "skipped_steps"
    }
  }

  var isEmpty: Bool { count + skipped == 0 }

  mutating func add(_ step: TrainingStep) {
    guard step.loss.isFinite, step.gradientNorm.isFinite else {
      skipped += 1
      return
    }
    loss += step.loss
    norm += step.gradientNorm
    count += 1
  }

  /// The line up to `last`, the step added last.
  func line(to last: TrainingStep) -> Line {
    let mean = { (sum: Double) in count > 0 ? sum / Double(count) : nil }
    return Line(
      step: last.step, images: last.images, loss: mean(loss), gradientNorm: mean(norm), learningRate: last.learningRate,
      imagesPerSecond: Double(last.images - start.images) / max(last.seconds - start.seconds, 1e-9), seconds: last.seconds,
      skippedSteps: skipped)
  }
}
