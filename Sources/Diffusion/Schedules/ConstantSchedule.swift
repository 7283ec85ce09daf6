/// The same β in every step, as Sohl-Dickstein et al., "Deep Unsupervised Learning using Nonequilibrium Thermodynamics" (2015),
/// started from; the code of Ho, Jain and Abbeel 2020 calls it `const`.
public struct ConstantSchedule: Schedule {
  public static let name = "constant"

  /// T, 1 to 100,000.
  public var steps = 1000
  /// β, whatever T. After T steps the signal is (1 − β)^(T/2).
  public var beta = 0.01

  public init() {}
  public init(steps: Int, beta: Double) {
    self.steps = steps
    self.beta = beta
  }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try DiscreteProcess.check(steps: steps)
    return Array(repeating: Real(beta), count: steps)
  }
}
