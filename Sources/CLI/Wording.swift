import Foundation

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

  /// 8012345 as `8.01 M`.
  static func count(_ value: Double) -> String {
    for (limit, unit) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] where value >= limit {
      return String(format: "%.2f %@", value / limit, unit)
    }
    return String(format: "%.0f", value)
  }

  /// Bytes as `31.4 MB`.
  static func bytes(_ value: Int) -> String { value < 1000 ? "\(value) B" : count(Double(value)) + "B" }
}
