/// One step of the third-order multistep DPM-Solver, which integrates the noise where `DPMSolverPP3M` integrates the image:
///
///     x_s = (α_s / α_t) x − σ_s (μ₀ ε̂ + μ₁ D₁ + μ₂ D₂),      μ_j = z ∫₀¹ e^(z(1−c)) cʲ dc,   z = λ_s − λ_t
///
/// where ε̂ + D₁ c + D₂ c² runs through the last three estimates, c = 0 at `t` and 1 at `s`. Of lower order where that one is, and
/// second order from a cold start like it.
///
/// Lu et al., "DPM-Solver" (2022) and "DPM-Solver++" (2022), appendix B; in diffusers `algorithm_type: dpmsolver`.
public struct DPMSolver3M: MultistepDPMSolver {
  public static let name = "dpmsolver_3m"
  public static let solverOrder = 3
  public static let integrand = DPMSolverIntegrand.noise

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
