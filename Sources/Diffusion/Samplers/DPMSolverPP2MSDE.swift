import RecipeKit
import Tensors

/// One step of the second-order multistep DPM-Solver++ for the reverse SDE, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) e^(−ηh) x − α_s (e^z − 1) (x̂₀ + D₁ / 2) + σ_s √(1 − e^(−2ηh)) z̃,      z = −(1 + η) h,   h = λ_s − λ_t
///
/// with D₁ as in `DPMSolverPP2M`, which this is where no noise may be added, and z̃ standard normal.
///
/// Lu et al., "DPM-Solver++" (2022), eq. 18; η as in k-diffusion.
public struct DPMSolverPP2MSDE: Sampler {
  public static let name = "dpmpp_2m_sde"
  public var order: Int? { 2 }

  /// η: 0 adds no noise, 1 as much as the reverse process.
  public var eta = 1.0
  /// How D₁ is weighed.
  public var solverType = DPMSolverType.midpoint
  /// Whether the last of fewer than 15 steps is first order also where it ends with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}

  public func validate() throws(RecipeError) {
    try require((0...1).contains(eta), "eta", "expected 0 (no noise) to 1 (as the reverse process), found \(eta)")
  }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout MultistepMemory, denoiser: some Denoiser,
    noise: inout (some NoiseSource)?
  ) -> Transition {
    let x0 = denoiser.predict(x, at: t).x0
    memory.begin(x0, at: t, keeping: 2)
    let next = rules.stochasticStep(x, from: t, to: s, eta: eta, memory: memory, noise: &noise)
    return Transition(x: next, x0: x0)
  }

  private var rules: DPMSolverRules {
    DPMSolverRules(order: 2, solverType: solverType, lowerOrderFinal: lowerOrderFinal, eulerAtFinal: eulerAtFinal)
  }
}

extension DPMSolverRules {
  /// x_s by the SDE with η, or by the ODE where no noise may be added.
  func stochasticStep(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, eta: Double, memory: MultistepMemory, noise: inout (some NoiseSource)?
  ) -> Tensor {
    let eta = noise == nil ? 0 : eta
    let step = ExponentialStep(from: t, to: s)
    let moments = moments(-(1 + eta) * step.h, over: step, memory)
    let mean = step.mean(x, x0: memory.estimates, moments: moments, eta: eta)
    let deviation = step.deviation(eta: eta)
    guard deviation > 0, let z = noise?.normal(like: x) else { return mean }
    return mean + deviation * z
  }
}
