import RecipeKit
import Tensors

/// One ancestral step of Euler's method, from the level `t` to the cleaner level `s`: down to less noise than `s` has, by Euler,
/// and up to `s` by fresh noise,
///
///     x_s = α_s x̂₀ + √(σ_s² − ς²) ε̂ + ς z,      ς = η σ_s √(1 − e^(−2h)),   h = λ_s − λ_t
///
/// In σ/α, where the field writes it, σ_up = ς / α_s and σ_down = √(σ_s² − ς²) / α_s. Where variance is preserved it is DDIM's
/// step with the same η; this form holds for all levels, those without signal included. Euler's step where no noise may be added.
///
/// Song et al., "Score-Based Generative Modeling through SDEs" (2021), appendix F (ancestral sampling for VE); k-diffusion's and
/// diffusers' `euler_ancestral`.
public struct EulerAncestral: SinglestepSampler {
  public static let name = "euler_ancestral"
  public var order: Int? { 1 }

  /// η: 0 adds no noise, 1 as much as the reverse process.
  public var eta = 1.0

  public init() {}

  public func validate() throws(RecipeError) {
    try require((0...1).contains(eta), "eta", "expected 0 (no noise) to 1 (as the reverse process), found \(eta)")
  }

  public func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let p = denoiser.predict(x, at: t)
    let deviation = noise.allowed(eta) * ExponentialStep(from: t, to: s).deviation(eta: 1)
    guard deviation > 0 else { return Transition(x: p.eulerStep(to: s), x0: p.x0) }
    let direction = max(s.sigma * s.sigma - deviation * deviation, 0).squareRoot()
    return Transition(x: noise.added(to: s.alpha * p.x0 + direction * p.epsilon, deviation: deviation), x0: p.x0)
  }
}
