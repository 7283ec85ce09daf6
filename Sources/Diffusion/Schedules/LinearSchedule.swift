/// β rises linearly from 10⁻⁴ to 0.02 over 1000 steps; with T steps both ends are multiplied by 1000 / T, so that the
/// same noise is added in total. An end that is given is used unchanged, whatever T.
///
/// Ho, Jain and Abbeel 2020, section 4; scaled as in Nichol and Dhariwal 2021. With both ends given it is diffusers' `linear`.
public struct LinearSchedule: Schedule {
  public static let name = "linear"

  /// T, at most 100,000; 20 or more unless `betaEnd` is given: below, the last β would be above 1.
  public var steps = 1000
  /// β at t = 0; nil: 10⁻⁴ · 1000 / T.
  public var betaStart: Double? = nil
  /// β at t = T − 1; nil: 0.02 · 1000 / T.
  public var betaEnd: Double? = nil

  public init() {}
  public init(steps: Int, betaStart: Double? = nil, betaEnd: Double? = nil) {
    self.steps = steps
    self.betaStart = betaStart
    self.betaEnd = betaEnd
  }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    guard steps >= 20 || betaEnd != nil else { throw .linearScheduleTooShort(steps: steps) }
    try DiscreteProcess.check(steps: steps)
    let scale = 1000 / Double(steps)
    return linspace(from: Real(betaStart ?? scale * 1e-4), through: Real(betaEnd ?? scale * 0.02), count: steps)
  }
}
