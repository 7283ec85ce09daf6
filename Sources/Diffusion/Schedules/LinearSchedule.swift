/// β rises linearly from 10⁻⁴ to 0.02 over 1000 steps; with T steps both ends are multiplied by 1000 / T, so that as much
/// noise is added in the end.
///
/// Ho, Jain and Abbeel 2020, section 4; scaled as in Nichol and Dhariwal 2021.
public struct LinearSchedule: Schedule {
  public static let name = "linear"

  /// T, 20 or more: below, the last β would be above 1.
  public var steps = 1000

  public init() {}
  public init(steps: Int) { self.steps = steps }

  public func makeBetas() throws(DiffusionError) -> [Double] {
    guard steps >= 20 else { throw .linearScheduleTooShort(steps: steps) }
    let scale = 1000 / Double(steps)
    let first = scale * 1e-4, last = scale * 0.02
    let stride = (last - first) / Double(steps - 1)
    return (0..<steps).map { $0 == steps - 1 ? last : first + Double($0) * stride }
  }
}
