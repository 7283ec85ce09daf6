import Foundation

/// The axis of a plot: which values it spans, where they lie between 0 and 1, and which are marked.
struct PlotAxis {
  let range: ClosedRange<Double>
  let isLogarithmic: Bool

  /// - Parameter values: those to be shown; what is not finite, and on a logarithmic axis not above 0, is not.
  init(_ values: some Sequence<Double>, isLogarithmic: Bool = false) {
    self.isLogarithmic = isLogarithmic
    let shown = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    guard let low = shown.min(), let high = shown.max() else {
      range = isLogarithmic ? 0.1...1 : 0...1
      return
    }
    if isLogarithmic {
      range = low < high ? low...high : low / 2...high * 2
    } else {
      let margin = low < high ? 0 : low == 0 ? 0.5 : abs(low) * 0.1
      range = low - margin...high + margin
    }
  }

  func shows(_ value: Double) -> Bool { value.isFinite && (!isLogarithmic || value > 0) }

  func position(of value: Double) -> Double {
    let (low, high) = isLogarithmic ? (log(range.lowerBound), log(range.upperBound)) : (range.lowerBound, range.upperBound)
    return high > low ? ((isLogarithmic ? log(value) : value) - low) / (high - low) : 0.5
  }

  /// Round values within the range, about `count` of them.
  func ticks(_ count: Int = 5) -> [Double] { isLogarithmic ? logarithmicTicks(count) : evenTicks(count) }

  private func evenTicks(_ count: Int) -> [Double] {
    let span = range.upperBound - range.lowerBound
    let rough = span / Double(max(1, count)), power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? power
    guard step.isFinite, step > 0 else { return [range.lowerBound] }
    let first = (range.lowerBound / step).rounded(.up)
    return (0...(2 * count + 2)).map { (first + Double($0)) * step }.filter { $0 <= range.upperBound + 1e-9 * span }
  }

  private func logarithmicTicks(_ count: Int) -> [Double] {
    let decades = log10(range.upperBound / range.lowerBound)
    let factors: [Double] = decades < 1.5 ? [1, 2, 3, 5, 7] : decades < 3 ? [1, 3] : [1]
    let exponents = Int(floor(log10(range.lowerBound)))...Int(ceil(log10(range.upperBound)))
    let stride = max(1, Int((decades / 8).rounded(.up)))
    let ticks = exponents.filter { ($0 - exponents.lowerBound) % stride == 0 }
      .flatMap { exponent in factors.map { $0 * pow(10, Double(exponent)) } }
    let inside = ticks.filter { range.contains($0) }
    return inside.isEmpty ? evenTicks(count).filter { $0 > 0 } : inside
  }

  /// `0.0312`, `20k`, `1.5M`, `2e-05`: at most four digits.
  static func label(_ value: Double) -> String {
    let size = abs(value)
    for (limit, unit) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")] where size >= limit {
      return String(format: "%.4g", value / (unit == "k" ? 1e3 : limit)) + unit
    }
    return String(format: "%.4g", value)
  }
}
