import Foundation

/// Large numbers as text.
public enum Magnitude {
  /// 8012345 as `8.01 M`.
  public static func text(_ value: Double) -> String {
    for (limit, unit) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")] where value >= limit {
      return String(format: "%.2f %@", value / limit, unit)
    }
    return String(format: "%.0f", value)
  }

  /// Bytes as `31.40 MB`.
  public static func bytes(_ value: Int) -> String { value < 1000 ? "\(value) B" : text(Double(value)) + "B" }
}
