import Tensors

/// One step of Heun's method in σ/α, from the level `t` to the cleaner level `s`: Euler's step, and its correction by the slope
/// at its end,
///
///     x' = α_s x̂₀ + σ_s ε̂(x, t),      x_s = x' + ½ (σ_s − α_s σ_t / α_t) (ε̂(x', s) − ε̂(x, t))
///
/// Two evaluations a step. The step to σ = 0 is Euler's, and so is one that leaves pure noise, where σ/α is infinite, or noise that
/// has next to no signal (`ExponentialStep.leavesPureNoise`).
///
/// For networks that predict `velocity` it is Heun's method in the t of their straight path (1 − t) x₀ + t ε, whose slope is the
/// velocity v = ε̂ − x̂₀:
///
///     x_s = x' + ½ (α_s + σ_s) (t_s − t_t) (v(x', s) − v(x, t)),      t = σ / (α + σ)
///
/// There steps from pure noise are corrected too.
///
/// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), Algorithm 1.
public struct Heun: SinglestepSampler {
  public static let name = "heun"
  public static let evaluationsPerStep = 2
  public var order: Int? { 2 }

  public init() {}

  public func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let start = denoiser.predict(x, at: t)
    let euler = start.eulerStep(to: s), isStraight = denoiser.noiseLevelRange.isStraight
    guard s.sigma > 0, isStraight || !ExponentialStep(from: t, to: s).leavesPureNoise else { return Transition(x: euler, x0: start.x0) }
    let end = denoiser.predict(euler, at: s)
    guard !isStraight else {
      let half = 0.5 * (s.alpha + s.sigma) * (s.straightTime - t.straightTime)
      return Transition(x: euler + half * (end.velocity - start.velocity), x0: end.x0)
    }
    let half = 0.5 * (s.sigma - s.alpha * t.sigma / t.alpha)
    return Transition(x: euler + half * (end.epsilon - start.epsilon), x0: end.x0)
  }
}

extension Prediction {
  /// That of the straight path from the estimated images to the estimated noise.
  fileprivate var velocity: Tensor { epsilon - x0 }
}
