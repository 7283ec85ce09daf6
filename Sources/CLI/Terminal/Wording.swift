import Foundation
import Workflows

/// Numbers, durations and sizes as text.
extension Console {
  /// `1h 03m`, `4m 09s`, `12 s`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e7 else { return "?" }
    let whole = Int(seconds.rounded())
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    if whole >= 3600 { return "\(whole / 3600)h \(two(whole / 60 % 60))m" }
    return whole >= 60 ? "\(whole / 60)m \(two(whole % 60))s" : "\(whole) s"
  }

  /// Four significant digits, without trailing zeros.
  static func number(_ value: Double) -> String { String(format: "%.4g", value) }

  /// `1 picture`, `2 pictures`.
  static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  /// A count in the notation of `Magnitude`.
  static func count(_ value: Double) -> String { Magnitude.text(value) }
  static func bytes(_ value: Int) -> String { Magnitude.bytes(value) }
}
