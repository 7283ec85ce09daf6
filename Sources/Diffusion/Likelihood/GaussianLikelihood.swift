import Foundation
import Tensors

extension DiagonalGaussian {
  /// KL(self ‖ other) of each element, in nats.
  func divergence(from other: DiagonalGaussian) -> Tensor {
    let gap = mean - other.mean
    let ratio = logVariance - other.logVariance
    return 0.5 * (ratio.exp() - ratio - 1 + gap.square() * (-other.logVariance).exp())
  }

  /// The log-probability of 8-bit pixels, in nats, each the interval of width 2/255 round its value in [−1, 1]; those at the
  /// ends reach to infinity. Ho, Jain and Abbeel 2020, section 3.3.
  /// - Parameter x: `[N, C, H, W]` in [−1, 1].
  func logLikelihood(ofPixels x: Tensor) -> Tensor {
    let centred = x - mean, inverseDeviation = (-0.5 * logVariance).exp()
    let upper = Self.normalCDF(inverseDeviation * (centred + 1 / 255))
    let lower = Self.normalCDF(inverseDeviation * (centred - 1 / 255))
    let inside = Self.logOfProbability(upper - lower)
    let black = Self.logOfProbability(upper), white = Self.logOfProbability(1 - lower)
    return .where(x.lt(-0.999), black, .where(x.gt(0.999), white, inside))
  }

  /// Φ, by its approximation with the hyperbolic tangent, which the references' likelihoods are made with.
  static func normalCDF(_ x: Tensor) -> Tensor {
    0.5 * (1 + ((2 / Double.pi).squareRoot() * (x + 0.044715 * x.pow(3))).tanh())
  }

  /// Probabilities that vanish in float32 count as 10⁻¹².
  private static func logOfProbability(_ p: Tensor) -> Tensor { p.clamp(1e-12...Double.infinity).log() }
}
