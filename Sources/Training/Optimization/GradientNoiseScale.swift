/// The gradient's noise: the batch size at which noise and gradient are of one size, estimated from the gradients of batches of two
/// sizes.
///
/// McCandlish, Kaplan, Amodei et al., "An Empirical Model of Large-Batch Training" (2018), appendix A.1: unbiased estimates of |G|²
/// and of the trace of the covariance, whose ratio is B_simple. Each is averaged before they are divided, for single steps are noisy.
public struct GradientNoiseScale: Sendable, Equatable {
  private var signal = 0.0, noise = 0.0, count = 0

  public init() {}

  /// Adds a step.
  /// - Parameters:
  ///   - small: the squared norm of the gradient of the first microbatch.
  ///   - smallCount: its images.
  ///   - large: the squared norm of the gradient of the whole batch, before clipping.
  ///   - largeCount: its images, more than those of the microbatch.
  mutating func add(small: Double, of smallCount: Int, large: Double, of largeCount: Int) {
    let (b, a) = (Double(largeCount), Double(smallCount))
    guard b > a, a > 0, small.isFinite, large.isFinite else { return }
    signal += (b * large - a * small) / (b - a)
    noise += (small - large) / (1 / a - 1 / b)
    count += 1
  }

  public static func += (a: inout GradientNoiseScale, b: GradientNoiseScale) {
    a.signal += b.signal
    a.noise += b.noise
    a.count += b.count
  }

  /// B_simple in images; nil without microbatches, and where the noise hides the gradient or the gradient the noise.
  public var images: Double? { count > 0 && signal > 0 && noise > 0 ? noise / signal : nil }
}
