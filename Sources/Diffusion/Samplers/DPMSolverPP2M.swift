/// One step of the second-order multistep DPM-Solver++, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) x − α_s (e^(−h) − 1) (x̂₀ + D₁ / 2),      D₁ = (x̂₀ − x̂₀ʹ) h / (λ_t − λʹ),      h = λ_s − λ_t
///
/// where x̂₀ʹ is the estimate of the step before, made at λʹ. The step is first order, without D₁, in the first step and in
/// the last, to σ = 0, where λ is infinite; and where the level before had no signal. Ten to twenty steps suffice. Second order
/// from a cold start too.
///
/// Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models" (2022), Algorithm 2.
public struct DPMSolverPP2M: MultistepDPMSolver {
  public static let name = "dpmpp_2m"
  public static let solverOrder = 2

  /// How D₁ is weighed; `heun` has μ₁ = (1 − e^(−h)) / h − 1 in the place of (e^(−h) − 1) / 2.
  public var solverType = DPMSolverType.midpoint
  /// Whether the last of fewer than 15 steps is first order also where it ends with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}
}
