/// The weights of a resampling along one axis, as numbers: for pictures that are resampled by parts, or in other arithmetic than 8 bits.
package struct ResamplingLine: Sendable {
  /// Pixels before and after.
  package let old: Int, new: Int
  /// For each new pixel the first old one that counts.
  private let first: [Int]
  /// Those of each new pixel, which add up to one.
  private let taps: [[Float]]

  /// - Parameter filter: `nearest` counts as `box`, the mean over what a new pixel covers.
  package init(from old: Int, to new: Int, filter: ResizeFilter) {
    (self.old, self.new) = (old, new)
    switch filter {
    case .lanczos3: (first, taps) = Self.taps(ResamplingWeights(from: old, to: new, kernel: .lanczos3))
    case .bicubic: (first, taps) = Self.taps(ResamplingWeights(from: old, to: new, kernel: .cubic))
    case .bilinear: (first, taps) = Self.taps(ResamplingWeights(from: old, to: new, kernel: .triangle))
    case .box, .nearest: (first, taps) = Self.areas(old, new)
    }
  }

  private static func taps(_ weights: ResamplingWeights) -> ([Int], [[Float]]) {
    let taps = weights.counts.indices.map { place in
      let row = weights.weights[(place * weights.span)..<(place * weights.span + weights.counts[place])].map { Float($0) }
      let sum = row.reduce(0, +)
      return row.map { $0 / sum }
    }
    return (weights.first, taps)
  }

  private static func areas(_ old: Int, _ new: Int) -> ([Int], [[Float]]) {
    // Whole numbers, in units of 1/new of an old pixel.
    let places = (0..<new).map { $0 * old / new..<min((($0 + 1) * old + new - 1) / new, old) }
    let taps = places.enumerated().map { place, pixels in
      pixels.map { Float(min((place + 1) * old, ($0 + 1) * new) - max(place * old, $0 * new)) / Float(old) }
    }
    return (places.map(\.lowerBound), taps)
  }

  /// The old pixels that count for some new ones.
  package func source(of places: Range<Int>) -> Range<Int> {
    first[places.lowerBound]..<(places.map { first[$0] + taps[$0].count }.max() ?? 0)
  }

  /// Row-major, one row for each of the new pixels `places` and one column for each of `source(of: places)`.
  package func weights(of places: Range<Int>) -> [Float] {
    let source = source(of: places)
    var matrix = [Float](repeating: 0, count: places.count * source.count)
    for (row, place) in places.enumerated() {
      let start = row * source.count + first[place] - source.lowerBound
      for (index, weight) in taps[place].enumerated() { matrix[start + index] = weight }
    }
    return matrix
  }
}
