import Foundation
import RecipeKit
import Tensors

/// One step of Euler's method in σ/α, from the level `t` to the cleaner level `s`: with x̄ = x / α and σ̄ = σ / α,
///
///     x̄_s = x̄_t + (σ̄_s − σ̄_t) ε̂,      which is   x_s = α_s x̂₀ + σ_s ε̂
///
/// and finite at levels without signal in the second form: DDIM's step with η = 0. With `s_churn` noise is added before each
/// step; see `Churn`.
///
/// Karras et al. 2022, Algorithm 2 without its correction; diffusers' and k-diffusion's `euler`.
public struct Euler: Sampler {
  public static let name = "euler"
  public var order: Int? { 1 }

  /// Whether the denoiser sees the noise that is added.
  public enum ChurnOrder: String, Sendable, Codable, CaseIterable {
    /// It is evaluated on the churned images, at their level (Karras et al., k-diffusion).
    case noiseFirst = "noise_first"
    /// It is evaluated before, and ε̂ is kept (diffusers).
    case modelFirst = "model_first"
  }

  /// S_churn: how much noise is added in all; 0 for none.
  public var sChurn = 0.0
  /// Noise is added where σ/α lies between these; nil for no upper limit.
  public var sTmin = 0.0, sTmax: Double? = nil
  /// S_noise: the standard deviation of the noise added; a little above 1 makes up for what denoisers lose.
  public var sNoise = 1.0
  /// What comes first where noise is added.
  public var churnOrder = ChurnOrder.noiseFirst

  public init() {}
  public func validate() throws(RecipeError) { try check(churn) }

  /// - Returns: the number of steps.
  public func makeMemory(for levels: [NoiseLevel]) -> Int { levels.count - 1 }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Int, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    let p: Prediction
    switch churnOrder {
    case .noiseFirst:
      let start = churn.applied(to: x, at: t, steps: memory, on: denoiser.noiseLevelRange, noise: noise)
      p = denoiser.predict(start.x, at: start.level)
    case .modelFirst: p = churned(denoiser.predict(x, at: t), at: t, steps: memory, noise: noise)
    }
    return Transition(x: p.eulerStep(to: s), x0: p.x0)
  }

  private var churn: Churn { Churn(sChurn: sChurn, sTmin: sTmin, sTmax: sTmax, sNoise: sNoise) }

  /// A prediction after noise that the denoiser has not seen: the same ε̂, taken from the churned images.
  private func churned(_ p: Prediction, at t: NoiseLevel, steps: Int, noise: StepNoise) -> Prediction {
    let gamma = noise.allowed(churn.gamma(at: t, steps: steps))
    guard gamma > 0 else { return p }
    let z = noise.normal(like: p.x0)
    let ratio = t.sigma / t.alpha
    var churned = p
    churned.x0 = p.x0 + (ratio * sNoise * (gamma * (2 + gamma)).squareRoot()) * z - (ratio * gamma) * p.epsilon
    return churned
  }
}
