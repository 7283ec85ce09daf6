/// A rectangle of a picture's pixels.
struct PictureTile: Equatable {
  var rows: Range<Int>, columns: Range<Int>

  /// Corners of tiles lie at multiples of this, so that blocks of 2 x 2 and 4 x 4 pixels stay whole.
  static let grid = 4

  var area: Int { rows.count * columns.count }

  /// Splits the rectangle into tiles of similar size, no side longer than `side`, a multiple of `grid`; 0 for one tile.
  func split(side: Int) -> [PictureTile] {
    guard side > 0 else { return [self] }
    return Self.split(rows, side).flatMap { rows in Self.split(columns, side).map { PictureTile(rows: rows, columns: $0) } }
  }

  private static func split(_ range: Range<Int>, _ side: Int) -> [Range<Int>] {
    let parts = (range.count + side - 1) / side
    let length = ((range.count + parts - 1) / parts + grid - 1) / grid * grid
    return stride(from: range.lowerBound, to: range.upperBound, by: length).map { $0..<min($0 + length, range.upperBound) }
  }

  /// Extends the tile by `margin` pixels on each side, clipped to the picture.
  func widened(by margin: Int, within whole: PictureTile) -> PictureTile {
    func widened(_ range: Range<Int>, _ limit: Range<Int>) -> Range<Int> {
      max(range.lowerBound - margin, limit.lowerBound)..<min(range.upperBound + margin, limit.upperBound)
    }
    return PictureTile(rows: widened(rows, whole.rows), columns: widened(columns, whole.columns))
  }
}
