/// One step of the third-order multistep DPM-Solver++, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) x − α_s (μ₀ x̂₀ + μ₁ D₁ + μ₂ D₂),      μ_j = z ∫₀¹ e^(z(1−c)) cʲ dc,   z = λ_t − λ_s
///
/// where x̂₀ + D₁ c + D₂ c² runs through the last three estimates, c = 0 at `t` and 1 at `s`. The first two steps have fewer
/// estimates and are of order 1 and 2, so that a run from a cold start is second order; the last step, to σ = 0, is first order.
///
/// Lu et al., "DPM-Solver++" (2022), appendix B, whose authors' program gives D₂ half of its weight: `curvature`.
public struct DPMSolverPP3M: MultistepDPMSolver {
  public static let name = "dpmpp_3m"
  public static let solverOrder = 3

  /// How second-order steps, such as the second one, weigh D₁.
  public var solverType = DPMSolverType.midpoint
  /// How D₂ is weighed.
  public var curvature = DPMSolverCurvature.exact
  /// Whether the last two of fewer than 15 steps are of order 2 and 1, also where they end with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}
}
