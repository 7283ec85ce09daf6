import Failures

/// Which states of a sampling run are shown: 0 is the start, n the state after step n.
public enum FrameSchedule: Sendable, Equatable, CustomStringConvertible {
  /// Every state.
  case all
  /// This many, evenly spaced, including start and end; all if there are fewer.
  case evenly(Int)
  /// These, and the end.
  case only([Int])

  /// `all`, a number such as `12`, or a list such as `0,5,10`.
  public init?(_ text: String) {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    if text == "all" {
      self = .all
    } else if numbers.count == 1, let count = numbers[0], count >= 2 {
      self = .evenly(count)
    } else if numbers.count > 1, numbers.allSatisfy({ $0.map { $0 >= 0 } ?? false }) {
      self = .only(numbers.map { $0! })
    } else {
      return nil
    }
  }

  public var description: String {
    switch self {
    case .all: "all"
    case .evenly(let count): "\(count)"
    case .only(let numbers): numbers.map(String.init).joined(separator: ",")
    }
  }

  /// The states to show of a run of `steps` steps, ascending and unique.
  /// - Throws: `SfumatoError` for a step beyond the last.
  func moments(of steps: Int) throws -> [Int] {
    switch self {
    case .all: return Array(0...steps)
    case .evenly(let count):
      guard count >= 2 else { throw SfumatoError(.usage, "an animation needs 2 frames or more, not \(count)") }
      guard count <= steps else { return Array(0...steps) }
      return (0..<count).map { (2 * $0 * steps + count - 1) / (2 * (count - 1)) }
    case .only(let numbers):
      if let beyond = numbers.first(where: { !(0...steps).contains($0) }) {
        throw SfumatoError(.usage, "there is no step \(beyond) to show; expected 0 (the start) to \(steps)")
      }
      return Set(numbers + [steps]).sorted()
    }
  }
}
