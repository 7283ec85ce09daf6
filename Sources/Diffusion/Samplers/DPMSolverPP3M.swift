import Tensors

/// One step of the third-order multistep DPM-Solver++, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) x − α_s (μ₀ x̂₀ + μ₁ D₁ + μ₂ D₂),      μ_j = z ∫₀¹ e^(z(1−c)) cʲ dc,   z = λ_t − λ_s
///
/// where x̂₀ + D₁ c + D₂ c² runs through the last three estimates, c = 0 at `t` and 1 at `s`. The first two steps have fewer
/// estimates and are of order 1 and 2, so that a run from a cold start is second order; the last step, to σ = 0, is first order.
///
/// Lu et al., "DPM-Solver++" (2022), appendix B, whose authors' program gives D₂ half of its weight: `curvature`.
public struct DPMSolverPP3M: Sampler {
  public static let name = "dpmpp_3m"
  public var order: Int? { curvature == .half || eulerAtFinal ? 2 : 3 }
  public var coldStartOrder: Int? { 2 }

  /// How second-order steps, such as the second one, weigh D₁.
  public var solverType = DPMSolverType.midpoint
  /// How D₂ is weighed.
  public var curvature = DPMSolverCurvature.exact
  /// Whether the last two of fewer than 15 steps are of order 2 and 1, also where they end with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout MultistepMemory, denoiser: some Denoiser,
    noise: inout (some NoiseSource)?
  ) -> Transition {
    let x0 = denoiser.predict(x, at: t).x0
    memory.begin(x0, at: t, keeping: 3)
    let step = ExponentialStep(from: t, to: s)
    let moments = rules.moments(-step.h, over: step, memory)
    return Transition(x: step.mean(x, x0: memory.estimates, moments: moments), x0: x0)
  }

  private var rules: DPMSolverRules {
    DPMSolverRules(
      order: 3, solverType: solverType, curvature: curvature, lowerOrderFinal: lowerOrderFinal, eulerAtFinal: eulerAtFinal)
  }
}
