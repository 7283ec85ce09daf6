/// The mean loss over each quarter of a process's steps, least noise first, and at its last step alone: what the overall mean hides.
///
/// Importance weights are divided out again within a part, so that trainings with different timestep samplings can be compared.
public struct LossQuartiles: Sendable, Equatable {
  private struct Mean: Sendable, Equatable {
    var sum = 0.0, weight = 0.0

    static func += (a: inout Mean, b: Mean) {
      a.sum += b.sum
      a.weight += b.weight
    }

    var value: Double? { weight > 0 ? sum / weight : nil }
  }
  private var quarters = [Mean](repeating: Mean(), count: 4)
  private var end = Mean()

  public init() {}

  /// Adds the losses of a batch.
  /// - Parameters:
  ///   - losses: one for each image of the draw, without its importance weight.
  ///   - steps: T, of the process.
  public mutating func add(_ losses: [Double], at draw: TimestepDraw, of steps: Int) {
    for (loss, (timestep, weight)) in zip(losses, zip(draw.timesteps, draw.weights)) {
      let mean = Mean(sum: weight * loss, weight: weight)
      quarters[min(4 * timestep / steps, 3)] += mean
      if timestep == steps - 1 { end += mean }
    }
  }

  public static func += (a: inout LossQuartiles, b: LossQuartiles) {
    for quarter in 0..<4 { a.quarters[quarter] += b.quarters[quarter] }
    a.end += b.end
  }

  /// Everything that was added up, to be added to that of other processes.
  package var sums: [Double] {
    get { (quarters + [end]).flatMap { [$0.sum, $0.weight] } }
    set {
      precondition(newValue.count == 10, "\(newValue.count) sums of quartiles; there are 10")
      let means = stride(from: 0, to: 10, by: 2).map { Mean(sum: newValue[$0], weight: newValue[$0 + 1]) }
      (quarters, end) = (Array(means.prefix(4)), means[4])
    }
  }

  /// Four means; nil where no timestep fell.
  public var means: [Double?] { quarters.map(\.value) }

  /// The mean at the last step, where the network sees noise alone; nil where that was not drawn. A restoration model that is to answer in one
  /// evaluation is judged by it.
  public var last: Double? { end.value }
}
