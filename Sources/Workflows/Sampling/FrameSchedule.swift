import Failures

/// Which moments of a denoising are shown: the start, number 0, and what stands after steps 1, 2, …
public enum FrameSchedule: Sendable, Equatable, CustomStringConvertible {
  /// Every one.
  case all
  /// So many at about equal distances, the start and the end among them; all where there are fewer.
  case evenly(Int)
  /// These; the end too, whether it is named or not.
  case only([Int])

  /// `all`, a number as `12`, or a list as `0,5,10`.
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

  /// The moments of a denoising of `steps` steps, ascending, each once.
  /// - Throws: `SfumatoError` for a step that is not taken.
  func moments(of steps: Int) throws -> [Int] {
    switch self {
    case .all: return Array(0...steps)
    case .evenly(let count):
      guard count >= 2 else { throw SfumatoError(.usage, "an animation needs 2 frames or more, not \(count)") }
      guard count <= steps else { return Array(0...steps) }
      return (0..<count).map { (2 * $0 * steps + count - 1) / (2 * (count - 1)) }
    case .only(let numbers):
      if let beyond = numbers.first(where: { !(0...steps).contains($0) }) {
        throw SfumatoError(.usage, "there is no step \(beyond) to show; the denoising has steps 1 to \(steps), and 0 is its start")
      }
      return Set(numbers + [steps]).sorted()
    }
  }
}
