import RecipeKit

/// One step of the third-order multistep DPM-Solver++ for the reverse SDE, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) e^(−ηh) x − α_s (μ₀ x̂₀ + μ₁ D₁ + μ₂ D₂) + σ_s √(1 − e^(−2ηh)) z̃,      h = λ_s − λ_t
///
/// with D₁, D₂ and μ_j as in `DPMSolverPP3M`, which this is where no noise may be added, but of z = −(1 + η) h.
///
/// Lu et al., "DPM-Solver++" (2022), section 5; of third order in k-diffusion.
public struct DPMSolverPP3MSDE: MultistepDPMSolver {
  public static let name = "dpmpp_3m_sde"
  public static let solverOrder = 3

  /// η: 0 adds no noise, 1 as much as the reverse process.
  public var eta = 1.0
  /// How second-order steps, such as the second one, weigh D₁.
  public var solverType = DPMSolverType.midpoint
  /// How D₂ is weighed.
  public var curvature = DPMSolverCurvature.exact
  /// Whether the last two of fewer than 15 steps are of order 2 and 1, also where they end with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}

  public func validate() throws(RecipeError) {
    try require((0...1).contains(eta), "eta", "expected 0 (no noise) to 1 (as the reverse process), found \(eta)")
  }
}
