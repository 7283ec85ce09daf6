import Foundation

/// How long to train: a number of images, of passes over the data, or a time.
///
/// Written `20000000`, `100 epochs`, `2h`, `30m`, `90s` or `1h30m`, in YAML as elsewhere, and printed the same way.
public enum TrainingDuration: Hashable, Sendable, LosslessStringConvertible {
  case images(Int)
  /// Passes over the data, also parts of one.
  case epochs(Double)
  case seconds(Int)

  /// - Returns: nil for anything not written as above. Spaces are free, `20_000_000` and `2e7` are numbers too.
  public init?(_ description: String) {
    let text = description.filter { $0 != " " && $0 != "_" }.lowercased()
    for suffix in ["epochs", "epoch"] where text.hasSuffix(suffix) {
      guard let epochs = ValueDecoder.parseNumber(String(text.dropLast(suffix.count))), epochs >= 0, epochs.isFinite else { return nil }
      self = .epochs(epochs)
      return
    }
    if let seconds = Self.seconds(in: text) {
      self = .seconds(seconds)
    } else if let number = ValueDecoder.parseNumber(text), let images = Int(exactly: number), images >= 0 {
      self = .images(images)
    } else {
      return nil
    }
  }

  /// `1h30m`: each unit at most once, from the largest down.
  private static func seconds(in text: String) -> Int? {
    var rest = text[...], total = 0, isTime = false
    for (unit, length) in [("h", 3600), ("m", 60), ("s", 1)] as [(Character, Int)] {
      guard let end = rest.firstIndex(of: unit) else { continue }
      guard let count = Int(rest[..<end]), count >= 0, rest.first?.isNumber == true else { return nil }
      let (product, tooLong) = count.multipliedReportingOverflow(by: length)
      let (sum, tooLongAgain) = total.addingReportingOverflow(product)
      if tooLong || tooLongAgain { return nil }
      (total, rest, isTime) = (sum, rest[rest.index(after: end)...], true)
    }
    return isTime && rest.isEmpty ? total : nil
  }

  public var description: String {
    switch self {
    case .images(let count): return "\(count)"
    case .epochs(let count):
      let number = count.rounded() == count && count < 1e15 ? "\(Int(count))" : "\(count)"
      return count == 1 ? "1 epoch" : "\(number) epochs"
    case .seconds(let seconds):
      if seconds < 120, seconds != 60 { return "\(seconds)s" }
      let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
      return parts.filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }.joined()
    }
  }
}

extension TrainingDuration: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let count = try? container.decode(Int.self), count >= 0 {
      self = .images(count)
      return
    }
    let text = try container.decode(String.self)
    guard let duration = TrainingDuration(text) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "expected a number of images, '100 epochs', or a time such as '2h', '30m', '90s' or '1h30m', found '\(text)'")
    }
    self = duration
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if case .images(let count) = self { try container.encode(count) } else { try container.encode(description) }
  }
}
