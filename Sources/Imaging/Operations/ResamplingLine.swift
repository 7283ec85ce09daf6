/// The weights of a resampling along one axis, as numbers: for pictures that are resampled by parts, or in other arithmetic than 8 bits.
package struct ResamplingLine: Sendable {
  /// Pixels before and after.
  package let old: Int, new: Int
  private let taps: ResamplingWeights

  /// - Parameter filter: `nearest` counts as `box`.
  package init(from old: Int, to new: Int, filter: ResizeFilter) {
    let kernel: ResamplingKernel =
      switch filter {
      case .lanczos3: .lanczos3
      case .bicubic: .cubic
      case .bilinear: .triangle
      case .box, .nearest: .box
      }
    (self.old, self.new) = (old, new)
    taps = ResamplingWeights(from: old, to: new, kernel: kernel)
  }

  /// The old pixels that count for some new ones.
  package func source(of places: Range<Int>) -> Range<Int> {
    taps.first[places.lowerBound]..<(places.map { taps.first[$0] + taps.counts[$0] }.max() ?? 0)
  }

  /// The weights of the new pixels `places`, which add up to one: row-major, one row for each of them and one column for each of
  /// `source(of: places)`.
  package func weights(of places: Range<Int>) -> [Float] {
    let source = source(of: places)
    var matrix = [Float](repeating: 0, count: places.count * source.count)
    for (row, place) in places.enumerated() {
      let weights = taps.weights[(place * taps.span)..<(place * taps.span + taps.counts[place])].map { Float($0) }
      let sum = weights.reduce(0, +), start = row * source.count + taps.first[place] - source.lowerBound
      for (index, weight) in weights.enumerated() { matrix[start + index] = weight / sum }
    }
    return matrix
  }
}
