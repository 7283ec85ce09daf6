import Foundation
import Tensors

/// How much of an image is signal and how much noise:
///
///     x = α x₀ + σ ε,      ε standard normal
///
/// Discrete processes preserve variance, α² + σ² = 1.
public struct NoiseLevel: Sendable, Equatable, Codable {
  /// The factor of the image, 1 for a clean one, 0 for pure noise.
  public var alpha: Double
  /// The standard deviation of the noise, 0 for a clean image.
  public var sigma: Double
  /// The timestep for the network and the classifier: an original step, rescaled where the process rescales.
  public var timestep: Double

  public init(alpha: Double, sigma: Double, timestep: Double) {
    self.alpha = alpha
    self.sigma = sigma
    self.timestep = timestep
  }

  /// λ = log(α / σ); −∞ for pure noise, +∞ for a clean image.
  public var lambda: Double { log(alpha / sigma) }
  /// log(α² / σ²).
  public var logSNR: Double { 2 * lambda }
  /// α² / σ².
  public var snr: Double { (alpha * alpha) / (sigma * sigma) }

  /// t of the point (1 − t) x₀ + t ε that is these images, scaled: 0 for a clean image, 1 for pure noise.
  public var straightTime: Double { sigma / (alpha + sigma) }

  /// Whether there is more noise for the signal here: σ α' > σ' α, which also holds of levels without any signal.
  public func isNoisier(than other: NoiseLevel) -> Bool { sigma * other.alpha > other.sigma * alpha }

  /// No noise: where sampling ends. No network is ever evaluated here.
  public static let clean = NoiseLevel(alpha: 1, sigma: 0, timestep: 0)
}
