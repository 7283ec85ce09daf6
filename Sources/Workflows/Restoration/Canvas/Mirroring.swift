import Tensors

/// Where the pixels of a range, part of which may lie beyond an axis of a picture, are found in it: mirrored at the border's pixels, which
/// are not repeated.
struct Mirroring {
  /// The pixels that are needed.
  let source: Range<Int>
  /// The place in `source` of each pixel of the range; nil where the range lies within.
  private let places: [Int]?

  init(_ range: Range<Int>, length: Int) {
    guard range.lowerBound < 0 || range.upperBound > length else {
      (source, places) = (range, nil)
      return
    }
    let all = range.map { Self.index($0, length) }, first = all.min() ?? 0
    source = first..<((all.max() ?? 0) + 1)
    places = all.map { $0 - first }
  }

  /// - Parameter tensor: the source along this axis.
  func applied(to tensor: Tensor, axis: Int) -> Tensor { places.map { tensor.indexSelect(axis, Tensor($0)) } ?? tensor }

  private static func index(_ place: Int, _ length: Int) -> Int {
    guard length > 1 else { return 0 }
    let period = 2 * (length - 1), remainder = ((place % period) + period) % period
    return min(remainder, period - remainder)
  }
}
