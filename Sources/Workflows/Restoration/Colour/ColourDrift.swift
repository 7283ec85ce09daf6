import Tensors

/// How far the low frequencies of a restored picture are from those of the degraded one before they are corrected, over pixels and channels,
/// in levels of 255.
public struct ColourDrift: Codable, Sendable, Equatable {
  /// Numbers of values by their size, in steps of `width`; the last holds all larger ones.
  private var counts = [Int](repeating: 0, count: 512)
  private var sum = 0.0
  private static let width = 0.125

  init() {}

  /// The mean of the absolute values.
  public var mean: Double { total > 0 ? sum / Double(total) : 0 }

  /// What 99 % of the absolute values do not exceed, to an eighth of a level.
  public var percentile99: Double {
    var below = 0
    for (index, count) in counts.enumerated() {
      below += count
      if Double(below) >= 0.99 * Double(total), total > 0 { return Double(index + 1) * Self.width }
    }
    return 0
  }

  /// Whether nothing was measured.
  var isEmpty: Bool { total == 0 }

  private var total: Int { counts.reduce(0, +) }

  /// - Parameter drift: `[1, C, rows, W]`, in units of the picture's range. Every fourth row and column is looked at: low frequencies are
  ///   the same there.
  mutating func add(_ drift: Tensor) throws(TorchFault) {
    let sampled = drift.slice(2, 0..<drift.size(2), step: 4).slice(3, 0..<drift.size(3), step: 4)
    let levels = sampled.abs() * 255
    sum += try levels.to(.float64).sum().item()
    let last = counts.count - 1
    for bin in try (levels / Self.width).clamp(0...Double(last)).ints() { counts[min(max(bin, 0), last)] += 1 }
  }
}
