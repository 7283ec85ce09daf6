import Foundation
import RecipeKit
import Tensors

/// Fresh noise before a step: the images are taken up from σ/α to (1 + γ) σ/α, and the step goes down from there,
///
///     x̂ = x + √((1 + γ)² − 1) (σ/α) S_noise z,      γ = min(S_churn / N, √2 − 1) where S_tmin ≤ σ/α ≤ S_tmax, else 0
///
/// with x in the units of σ/α, and N the steps of the run. Karras, Aittala, Aila and Laine, "Elucidating the Design Space of
/// Diffusion-Based Generative Models" (2022), Algorithm 2.
struct Churn {
  let sChurn: Double, sTmin: Double, sTmax: Double?, sNoise: Double

  /// γ; none from pure noise, to which nothing can be added.
  func gamma(at t: NoiseLevel, steps: Int) -> Double {
    let ratio = t.sigma / t.alpha
    guard ratio.isFinite, ratio >= sTmin, ratio <= sTmax ?? .infinity else { return 0 }
    return min(sChurn / Double(steps), 2.0.squareRoot() - 1)
  }

  /// The images with the noise added, and their level: the nearest of those at which the denoiser can be evaluated.
  func applied(
    to x: Tensor, at t: NoiseLevel, steps: Int, on scale: NoiseLevelRange, noise: StepNoise
  ) -> (x: Tensor, level: NoiseLevel) {
    let gamma = noise.allowed(gamma(at: t, steps: steps))
    guard gamma > 0 else { return (x, t) }
    let level = scale.level(lambda: t.lambda - log1p(gamma))
    guard level.isNoisier(than: t) else { return (x, t) }
    return (rediffuse(x, from: t, to: level, noise: sNoise * noise.normal(like: x)), level)
  }
}

extension Recipe {
  /// Within `validate` of a recipe with these keys.
  func check(_ churn: Churn) throws(RecipeError) {
    try require(churn.sChurn >= 0 && churn.sChurn.isFinite, "s_churn", "expected 0 (no noise) or more, found \(churn.sChurn)")
    try require(churn.sTmin >= 0, "s_tmin", "expected 0 or more, found \(churn.sTmin)")
    let limit = churn.sTmax ?? .infinity
    try require(limit >= churn.sTmin, "s_tmax", "expected s_tmin, \(churn.sTmin), or more, found \(limit)")
    try require(churn.sNoise >= 0 && churn.sNoise.isFinite, "s_noise", "expected 0 or more, found \(churn.sNoise)")
  }
}
