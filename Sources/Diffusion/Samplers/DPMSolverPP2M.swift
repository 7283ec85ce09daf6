import Tensors

/// One step of the second-order multistep DPM-Solver++, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) x − α_s (e^(−h) − 1) (x̂₀ + D₁ / 2),      D₁ = (x̂₀ − x̂₀ʹ) h / (λ_t − λʹ),      h = λ_s − λ_t
///
/// where x̂₀ʹ is the estimate of the step before, made at λʹ. The step is first order, without D₁, in the first step and in
/// the last, to σ = 0, where λ is infinite; and where the level before had no signal. Ten to twenty steps suffice. Second order
/// from a cold start too.
///
/// Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models" (2022), Algorithm 2.
public struct DPMSolverPP2M: Sampler {
  public static let name = "dpmpp_2m"
  public var order: Int? { 2 }

  /// How D₁ is weighed; `heun` has μ₁ = (1 − e^(−h)) / h − 1 in the place of (e^(−h) − 1) / 2.
  public var solverType = DPMSolverType.midpoint
  /// Whether the last of fewer than 15 steps is first order also where it ends with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout MultistepMemory, denoiser: some Denoiser,
    noise: inout (some NoiseSource)?
  ) -> Transition {
    let x0 = denoiser.predict(x, at: t).x0
    memory.begin(x0, at: t, keeping: 2)
    let step = ExponentialStep(from: t, to: s)
    let moments = rules.moments(-step.h, over: step, memory)
    return Transition(x: step.mean(x, x0: memory.estimates, moments: moments), x0: x0)
  }

  private var rules: DPMSolverRules {
    DPMSolverRules(order: 2, solverType: solverType, lowerOrderFinal: lowerOrderFinal, eulerAtFinal: eulerAtFinal)
  }
}
