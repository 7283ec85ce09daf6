import Tensors

/// Moves a denoiser away from a weaker version of itself, with the same conditioning:
///
///     guided = weak + s (strong − weak)
///
/// s = 1 is no guidance. The weaker one, less trained or smaller, makes the same errors to a larger degree, so that the difference leads
/// away from them; unlike classifier-free guidance it does not lead away from the variety of a class.
///
/// Karras et al., "Guiding a Diffusion Model with a Bad Version of Itself" (2024).
public struct Autoguidance<Strong: Denoiser, Weak: Denoiser>: Denoiser {
  public let scale: Double
  /// The noise over signal, σ / α, at which it guides; elsewhere only the strong denoiser is evaluated.
  public let interval: ClosedRange<Double>
  let strong: Strong, weak: Weak

  /// - Parameters:
  ///   - scale: s.
  ///   - weak: of the same process and conditioning.
  public init(scale: Double, interval: ClosedRange<Double> = 0...Double.infinity, strong: Strong, weak: Weak) {
    (self.scale, self.interval, self.strong, self.weak) = (scale, interval, strong, weak)
  }

  public var noiseLevelRange: NoiseLevelRange { strong.noiseLevelRange }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let scales = levels.map { interval.contains($0.sigma / $0.alpha) ? scale : 1 }
    var guided = strong.predict(x, at: levels)
    if scales.allSatisfy({ $0 == 1 }) { return guided }
    let other = weak.predict(x, at: levels), column = scales.column(like: x)
    let moved = { (strong: Tensor, weak: Tensor) in weak + column * (strong - weak) }
    (guided.x0, guided.epsilon) = (moved(guided.x0, other.x0), moved(guided.epsilon, other.epsilon))
    if let own = guided.previousMean {
      guided.previousMean = other.previousMean.map { PreviousMean(moved(own.mean, $0.mean), levels: own.levels) }
    }
    return guided
  }
}
