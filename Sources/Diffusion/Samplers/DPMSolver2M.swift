/// One step of the second-order multistep DPM-Solver, which integrates the noise where DPM-Solver++ integrates the image:
///
///     x_s = (α_s / α_t) x − σ_s (e^h − 1) (ε̂ + D₁ / 2),      D₁ = (ε̂ − ε̂ʹ) h / (λ_t − λʹ),      h = λ_s − λ_t
///
/// where ε̂ʹ is the estimate of the step before, made at λʹ. First order, and written α_s x̂₀ + σ_s ε̂, where `DPMSolverPP2M` is.
/// Second order from a cold start too. Less stable than that one under strong guidance.
///
/// Lu et al., "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps" (2022); the multistep
/// form: "DPM-Solver++" (2022), appendix; in diffusers `algorithm_type: dpmsolver`.
public struct DPMSolver2M: MultistepDPMSolver {
  public static let name = "dpmsolver_2m"
  public static let solverOrder = 2
  public static let integrand = DPMSolverIntegrand.noise

  /// How D₁ is weighed; `heun` has (e^h − 1) / h − 1 in the place of (e^h − 1) / 2.
  public var solverType = DPMSolverType.midpoint
  /// Whether the last of fewer than 15 steps is first order also where it ends with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}
}
