import Tensors

/// What a denoiser says about images x = α x₀ + σ ε.
public struct Prediction: Sendable {
  /// The estimate of the clean images, of x's shape.
  public var x0: Tensor
  /// The estimate of the noise, of x's shape, with x = α x0 + σ epsilon.
  public var epsilon: Tensor
  /// How much an ancestral step may err.
  public var variance: StepVariance

  public init(x0: Tensor, epsilon: Tensor, variance: StepVariance = .fixedSmall) {
    self.x0 = x0
    self.epsilon = epsilon
    self.variance = variance
  }
}

/// Estimates the clean images and the noise in noisy ones: all that a sampler knows of a network.
///
/// Denoisers wrap each other: guidance and clipping are denoisers too.
public protocol Denoiser {
  /// The levels at which it can be asked: solvers take the levels between two steps from here.
  var noiseScale: NoiseScale { get }

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
