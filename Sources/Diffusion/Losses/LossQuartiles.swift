/// The mean loss over each quarter of a process's steps, least noise first, which the overall mean hides.
///
/// Importance weights are divided out again within a quarter, so that trainings with different timestep samplings can
/// be compared.
public struct LossQuartiles: Sendable, Equatable {
  private var sums = [0.0, 0, 0, 0]
  private var weights = [0.0, 0, 0, 0]

  public init() {}

  /// Adds the losses of a batch.
  /// - Parameters:
  ///   - losses: one for each image of the draw, without its importance weight.
  ///   - steps: T, of the process.
  public mutating func add(_ losses: [Double], at draw: TimestepDraw, of steps: Int) {
    for (loss, (timestep, weight)) in zip(losses, zip(draw.timesteps, draw.weights)) {
      let quarter = min(4 * timestep / steps, 3)
      sums[quarter] += weight * loss
      weights[quarter] += weight
    }
  }

  public static func += (a: inout LossQuartiles, b: LossQuartiles) {
    for quarter in 0..<4 {
      a.sums[quarter] += b.sums[quarter]
      a.weights[quarter] += b.weights[quarter]
    }
  }

  /// Four means; nil where no timestep fell.
  public var means: [Double?] { zip(sums, weights).map { $1 > 0 ? $0 / $1 : nil } }
}
