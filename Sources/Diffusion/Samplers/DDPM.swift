import Tensors

/// Ancestral sampling: from the level `t` to the cleaner level `s`, draw from the model's p(x_s | x_t),
///
///     x_s = (α_s β / σ_t²) x̂₀ + (r σ_s² / σ_t²) x + √Σ z,      r = α_t / α_s,   β = 1 − r²
///
/// where Σ lies between β̃ = β σ_s² / σ_t² and β, as the model says. Wants many steps.
///
/// Ho, Jain and Abbeel 2020, eqs. 6 and 7; learned Σ: Nichol and Dhariwal 2021, eq. 15.
public struct DDPM: Sampler {
  public static let name = "ddpm"
  public var order: Int? { nil }

  public init() {}

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Void, denoiser: some Denoiser, noise: inout (some NoiseSource)?
  ) -> Transition {
    let p = denoiser.predict(x, at: t)
    let ratio = t.alpha / s.alpha
    let beta = 1 - ratio * ratio
    let kept = (s.sigma * s.sigma) / (t.sigma * t.sigma)
    var next = (s.alpha * beta / (t.sigma * t.sigma)) * p.x0 + (ratio * kept) * x
    if s.sigma > 0, let z = noise?.normal(like: x) {
      let logVariance = p.variance.logVariance(beta: beta, posterior: beta * kept, like: x)
      next = next + (0.5 * logVariance).exp() * z
    }
    return Transition(x: next, x0: p.x0)
  }
}
