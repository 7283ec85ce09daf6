import RecipeKit

/// The levels of rectified flow, evenly spaced on the straight path from image to noise:
///
///     x_t = (1 − t) x₀ + t ε,      t = s u / (1 + (s − 1) u),      u = (i + 1) / T for i = 0 … T − 1
///
/// scaled so that the process preserves variance, ᾱ = (1 − t)² / ((1 − t)² + t²). With parameterization `velocity` networks are shown x_t
/// itself. The last level is pure noise. A shift s above 1 moves the levels towards noise, for large images.
///
/// Liu, Gong and Liu, "Flow Straight and Fast" (2023); the shift: Esser et al., "Scaling Rectified Flow Transformers for
/// High-Resolution Image Synthesis" (2024), eq. 23.
public struct RectifiedFlowSchedule: Schedule {
  public static let name = "rectified_flow"

  /// T, 1 to 100,000.
  public var steps = 1000
  /// s, above 0; 1 leaves the levels evenly spaced in t.
  public var shift = 1.0

  public init() {}
  public init(steps: Int, shift: Double = 1) {
    self.steps = steps
    self.shift = shift
  }

  public func validate() throws(RecipeError) {
    try require(DiscreteProcess.possibleSteps.contains(steps), "steps", "expected 1 to \(DiscreteProcess.stepLimit), found \(steps)")
    try require(shift >= 1e-3 && shift <= 1e3, "shift", "expected 0.001 to 1000, found \(shift)")
  }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try DiscreteProcess.check(steps: steps)
    // σ/α of each level squared; that of the last, pure noise, is infinite.
    let squares = (1..<max(steps, 1)).map { index in
      let ratio = shift * Double(index) / Double(steps - index)
      return ratio * ratio
    }
    // 1 − ᾱ_t / ᾱ_{t−1} with ᾱ = 1 / (1 + (σ/α)²), written so that nothing is lost where that is small.
    return zip(squares, [0] + squares.dropLast()).map { Real(($0 - $1) / (1 + $0)) } + [1]
  }
}
