import Tensors

/// A denoiser's estimates for images x = α x₀ + σ ε.
public struct Prediction: Sendable {
  /// The estimate of the clean images, of x's shape.
  public var x0: Tensor
  /// The estimate of the noise, of x's shape, with x = α x0 + σ epsilon.
  public var epsilon: Tensor
  /// The variance of an ancestral step.
  public var variance: StepVariance
  /// The mean of an ancestral step of that length, where the network predicts it; x₀ then follows from it.
  public var previousMean: PreviousMean?
  /// The shift by a classifier, which x0 and epsilon include already.
  public var shift: ClassifierShift?

  public init(x0: Tensor, epsilon: Tensor, variance: StepVariance = .fixedSmall) {
    self.x0 = x0
    self.epsilon = epsilon
    self.variance = variance
  }
}

/// The mean of a step that a network predicts itself (`Parameterization.previousX`). Changes to x₀, such as clipping, do not affect
/// it.
public struct PreviousMean: Sendable {
  /// It has the shape of x.
  public var mean: Tensor
  /// Where the step leads: one level for all images, or one for each.
  public var levels: [NoiseLevel]

  public init(_ mean: Tensor, levels: [NoiseLevel]) {
    self.mean = mean
    self.levels = levels
  }

  /// The mean, if the step leads to this level, or each image's to its own.
  func mean(at targets: [NoiseLevel]) -> Tensor? {
    guard !levels.isEmpty, levels.count == targets.count || levels.count == 1 || targets.count == 1 else { return nil }
    let count = max(levels.count, targets.count)
    let leadsThere = (0..<count).allSatisfy { levels[$0 % levels.count].isAsNoisy(as: targets[$0 % targets.count]) }
    return leadsThere ? mean : nil
  }
}

/// A classifier's guidance for an ancestral step: it moves its mean by variance · gradient instead of the estimates.
public struct ClassifierShift: Sendable {
  /// s ∇ log p(y | x), of x's shape.
  public var gradient: Tensor
  /// The estimate of the clean images without it.
  public var unguidedX0: Tensor
}

/// Estimates the clean images and the noise in noisy ones: a sampler's whole view of a network.
///
/// Denoisers wrap each other: guidance and clipping are denoisers too.
public protocol Denoiser {
  /// The levels at which it can be evaluated: solvers take the levels between two steps from here.
  var noiseLevelRange: NoiseLevelRange { get }

  /// - Parameters:
  ///   - x: noisy images, `[N, C, H, W]`, float32.
  ///   - levels: one for all images, or one for each.
  /// - Faults: travel in the prediction.
  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction
}

extension Denoiser {
  /// The prediction for images that are all equally noisy.
  public func predict(_ x: Tensor, at level: NoiseLevel) -> Prediction { predict(x, at: [level]) }
}
