import RecipeKit
import Tensors

/// One step of DDIM, from the level `t` to the cleaner level `s`:
///
///     x_s = α_s x̂₀ + √(σ_s² − ς²) ε̂ + ς z,      ς = η (σ_s / σ_t) √(σ_t² − σ_s² α_t² / α_s²)
///
/// The root is that of 1 − α_t² / α_s² if variance is preserved.
///
/// Song, Meng and Ermon, "Denoising Diffusion Implicit Models" (ICLR 2021), eqs. 12 and 16, with α = √ᾱ, σ = √(1 − ᾱ).
public struct DDIM: SinglestepSampler {
  public static let name = "ddim"
  public var order: Int? { 1 }

  /// η: 0 adds no noise, 1 as much as ancestral sampling.
  public var eta = 0.0

  public init() {}
  public init(eta: Double) { self.eta = eta }

  public func validate() throws(RecipeError) {
    try require((0...1).contains(eta), "eta", "expected 0 (no noise) to 1 (as DDPM), found \(eta)")
  }

  public func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let p = denoiser.predict(x, at: t)
    let ratio = t.alpha / s.alpha
    let added = max(t.sigma * t.sigma - ratio * ratio * s.sigma * s.sigma, 0)
    let deviation = noise.allowed(eta) * (s.sigma / t.sigma) * added.squareRoot()
    // Never negative but by rounding, where t has no signal.
    let direction = max(s.sigma * s.sigma - deviation * deviation, 0).squareRoot()
    let mean = s.alpha * p.x0 + direction * p.epsilon
    return Transition(x: noise.added(to: mean, deviation: deviation), x0: p.x0)
  }
}
