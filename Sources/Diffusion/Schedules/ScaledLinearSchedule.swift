/// √β rises linearly, so that β rises slowly at first. The defaults are those of Stable Diffusion.
///
/// Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models" (2022); diffusers' `scaled_linear`.
public struct ScaledLinearSchedule: Schedule {
  public static let name = "scaled_linear"

  /// T, 1 to 100,000.
  public var steps = 1000
  /// β at t = 0, whatever T.
  public var betaStart = 0.00085
  /// β at t = T − 1, whatever T.
  public var betaEnd = 0.012

  public init() {}
  public init(steps: Int, betaStart: Double, betaEnd: Double) {
    self.steps = steps
    self.betaStart = betaStart
    self.betaEnd = betaEnd
  }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try DiscreteProcess.check(steps: steps)
    return linspace(from: Real(betaStart.squareRoot()), through: Real(betaEnd.squareRoot()), count: steps).map { $0 * $0 }
  }
}
