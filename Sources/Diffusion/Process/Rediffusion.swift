import Tensors

/// Diffuses noisy images further, to a noisier level: a sample of q(x_s | x_t) by the noise given,
///
///     x_s = r x_t + √(σ_s² − r² σ_t²) ε,      r = α_s / α_t
///
/// - Parameters:
///   - x: images at `t`, `[N, C, H, W]`.
///   - t, s: `s` is noisier than `t`, or as noisy.
///   - noise: standard normal, of x's shape.
public func rediffuse(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, noise: Tensor) -> Tensor {
  let ratio = s.alpha / t.alpha
  // Never negative but by rounding, where both levels are the same.
  let variance = max(s.sigma * s.sigma - ratio * ratio * t.sigma * t.sigma, 0)
  return ratio * x + variance.squareRoot() * noise
}
