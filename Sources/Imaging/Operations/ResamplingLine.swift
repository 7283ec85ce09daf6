/// The weights of bicubic resampling along one axis, as numbers that add up to one: for arithmetic without rounding.
package struct ResamplingLine: Sendable {
  /// Pixels before and after.
  package let old: Int, new: Int
  /// For each new pixel the first old one that counts.
  private let first: [Int]
  /// Those of each new pixel, which add up to one.
  private let taps: [[Float]]

  package init(from old: Int, to new: Int) {
    (self.old, self.new) = (old, new)
    (first, taps) = Self.taps(ResamplingWeights(from: old, to: new, kernel: .cubic))
  }

  private static func taps(_ weights: ResamplingWeights) -> ([Int], [[Float]]) {
    let taps = weights.counts.indices.map { place in
      let row = weights.weights[(place * weights.span)..<(place * weights.span + weights.counts[place])].map { Float($0) }
      let sum = row.reduce(0, +)
      return row.map { $0 / sum }
    }
    return (weights.first, taps)
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
