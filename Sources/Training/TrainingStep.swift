import Diffusion
import Failures

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
  /// The share of the batch that was classified rightly; nil where nothing is classified.
  public let accuracy: Double?
  /// The gradient's noise; empty without microbatches.
  public let noiseScale: GradientNoiseScale

  package init(
    step: Int, images: Int, loss: Double, gradientNorm: Double, learningRate: Double, seconds: Double, progress: Double,
    quartiles: LossQuartiles = LossQuartiles(), accuracy: Double? = nil, noiseScale: GradientNoiseScale = GradientNoiseScale()
  ) {
    self.step = step
    self.images = images
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.learningRate = learningRate
    self.seconds = seconds
    self.progress = progress
    self.quartiles = quartiles
    self.accuracy = accuracy
    self.noiseScale = noiseScale
  }
}

/// Why a training stopped before its end.
public struct TrainingError: ClassifiedError, CustomStringConvertible {
  public var failure: Failure { .data }
  public let description: String
  public init(_ description: String) { self.description = description }
}
