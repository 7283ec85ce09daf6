import RecipeKit

/// One step of the second-order multistep DPM-Solver++ for the reverse SDE, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) e^(−ηh) x − α_s (e^z − 1) (x̂₀ + D₁ / 2) + σ_s √(1 − e^(−2ηh)) z̃,      z = −(1 + η) h,   h = λ_s − λ_t
///
/// with D₁ as in `DPMSolverPP2M`, which this is where no noise may be added, and z̃ standard normal.
///
/// Lu et al., "DPM-Solver++" (2022), eq. 18; η as in k-diffusion.
public struct DPMSolverPP2MSDE: MultistepDPMSolver {
  public static let name = "dpmpp_2m_sde"
  public static let solverOrder = 2

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
}
