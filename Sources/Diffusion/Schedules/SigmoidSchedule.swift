import Foundation

/// β rises as a sigmoid, slowly at both ends:
///
///     β_t = β_start + (β_end − β_start) / (1 + e^(−u)),      u evenly from −6 to 6
///
/// Xu et al., "GeoDiff: a Geometric Diffusion Model for Molecular Conformation Generation" (2022); diffusers' `sigmoid`.
public struct SigmoidSchedule: Schedule {
  public static let name = "sigmoid"

  /// T, 1 to 100,000.
  public var steps = 1000
  /// β long before the start, whatever T; the first is above it by 1/400 of the way.
  public var betaStart = 1e-4
  /// β long after the end, whatever T.
  public var betaEnd = 0.02

  public init() {}
  public init(steps: Int, betaStart: Double, betaEnd: Double) {
    self.steps = steps
    self.betaStart = betaStart
    self.betaEnd = betaEnd
  }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try DiscreteProcess.check(steps: steps)
    let start = Real(betaStart), range = Real(betaEnd - betaStart)
    return linspace(from: Real(-6), through: 6, count: steps).map { u in
      let sigmoid = Real(1 / (1 + exp(-Double(u))))
      return sigmoid * range + start
    }
  }
}
