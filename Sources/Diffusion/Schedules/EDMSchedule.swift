import RecipeKit

/// The noise levels of EDM in a process that preserves variance: the noise beside a signal of 1, σ_t / α_t = √(1/ᾱ_t − 1), runs
/// over the grid of Karras et al., from `sigmaMin` at t = 0 to `sigmaMax` at t = T − 1. Networks with EDM's preconditioning
/// train and are sampled at these levels.
///
/// Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), eq. 5 and table 1.
public struct EDMSchedule: Schedule {
  public static let name = "edm"

  /// T, 1 to 100,000.
  public var steps = 1000
  /// The smallest noise, beside a signal of 1.
  public var sigmaMin = 0.002
  /// The largest noise, beside a signal of 1.
  public var sigmaMax = 80.0
  /// ρ: the larger, the more of the levels are small.
  public var rho = 7.0

  public init() {}
  public init(steps: Int) { self.steps = steps }

  public func validate() throws(RecipeError) {
    try require(DiscreteProcess.possibleSteps.contains(steps), "steps", "expected 1 to \(DiscreteProcess.stepLimit), found \(steps)")
    try require(sigmaMin > 0, "sigma_min", "expected a number above 0, found \(sigmaMin)")
    try require(sigmaMax > sigmaMin && sigmaMax.isFinite, "sigma_max", "expected a number above sigma_min \(sigmaMin), found \(sigmaMax)")
    try require(rho > 0 && rho.isFinite, "rho", "expected a number above 0, found \(rho)")
  }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try DiscreteProcess.check(steps: steps)
    let grid = SigmaGrid(.karras(rho: rho))
    let squares = grid.sigmas(from: sigmaMax, to: sigmaMin, count: steps).reversed().map { $0 * $0 }
    // 1 − ᾱ_t / ᾱ_{t−1} with ᾱ = 1 / (1 + σ²), written so that nothing is lost where σ is small.
    return zip(squares, [0] + squares.dropLast()).map { Real(($0 - $1) / (1 + $0)) }
  }
}
