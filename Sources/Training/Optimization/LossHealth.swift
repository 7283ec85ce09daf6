/// Whether the loss is where it has been before. A training that diverges has a loss of many times that for some steps before it is not
/// finite: checkpoints of those steps are finite, and yet training cannot continue from them.
public struct LossHealth: Codable, Sendable, Equatable {
  /// The mean of the last ten steps or so.
  private var recent: Double?
  /// The lowest that it has been, forgotten slowly, so that another loss is not measured by this one for ever.
  private var lowest: Double?

  public init() {}

  /// So many times the lowest is too much. Losses of single batches vary by less, those of `kl` the most.
  static let limit = 100.0

  public var isGood: Bool {
    guard let recent, let lowest, lowest > 0 else { return true }
    return recent <= Self.limit * lowest
  }

  /// - Parameter loss: of a step that was not skipped.
  mutating func add(_ loss: Double) {
    let mean = recent.map { 0.9 * $0 + 0.1 * loss } ?? loss
    recent = mean
    lowest = lowest.map { min(mean, 1.002 * $0) } ?? mean
  }

  /// Whether a file may hold it.
  var isPossible: Bool { [recent, lowest].allSatisfy { $0?.isFinite ?? true } }
}
