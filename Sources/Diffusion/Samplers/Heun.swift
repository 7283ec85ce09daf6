import RecipeKit
import Tensors

/// One step of Heun's method in σ/α, from the level `t` to the cleaner level `s`: Euler's step, and its correction by the slope
/// at its end,
///
///     x' = α_s x̂₀ + σ_s ε̂(x, t),      x_s = x' + ½ (σ_s − α_s σ_t / α_t) (ε̂(x', s) − ε̂(x, t))
///
/// Two evaluations a step. A step from pure noise, where σ/α is infinite, or from next to it, and the one to σ = 0 are Euler's.
///
/// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), Algorithm 1.
public struct Heun: Sampler {
  public static let name = "heun"
  public static let evaluationsPerStep = 2
  public var order: Int? { 2 }

  /// Steps that leave from more noise over signal, σ/α, than this are Euler's: the cosine schedule begins at 20,000, where a slope
  /// in σ/α multiplies what is left of the signal's rounding.
  public var firstOrderAbove = 1000.0

  public init() {}
  public init(firstOrderAbove: Double) { self.firstOrderAbove = firstOrderAbove }

  public func validate() throws(RecipeError) {
    try require(firstOrderAbove > 0, "first_order_above", "expected noise over signal above 0, found \(firstOrderAbove)")
  }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Void, denoiser: some Denoiser, noise: inout (some NoiseSource)?
  ) -> Transition {
    let start = denoiser.predict(x, at: t)
    let euler = start.carried(to: s)
    guard t.alpha > 0, t.sigma <= firstOrderAbove * t.alpha, s.sigma > 0 else { return Transition(x: euler, x0: start.x0) }
    let end = denoiser.predict(euler, at: s)
    let half = 0.5 * (s.sigma - s.alpha * t.sigma / t.alpha)
    return Transition(x: euler + half * (end.epsilon - start.epsilon), x0: end.x0)
  }
}
