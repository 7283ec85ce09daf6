import Tensors

/// Blends the tiles of one evaluation, from a row of the picture on: batch by batch into sums that reach over a row of tiles.
struct TileSums {
  /// A tile of the grid.
  struct Cell {
    let row: TileAxis.Tile, column: TileAxis.Tile
  }

  private let rows: TileAxis, columns: TileAxis
  private let width: Int, height: Int, batch: Int
  /// The row of tiles at hand, and the first of its tiles that is not blended yet.
  private var current: Int, next = 0
  /// Sums from the row `first` of the picture on, `[1, C, …, width]`; weights add up to one, so that they are means.
  private var sums: Tensor
  private var first: Int

  /// - Parameters:
  ///   - first: the first row that is wanted; rows of tiles above it are left out.
  ///   - planes: channels of the estimates.
  init(rows: TileAxis, columns: TileAxis, width: Int, height: Int, planes: Int, batch: Int, from first: Int) {
    (self.rows, self.columns, self.width, self.height, self.batch, self.first) = (rows, columns, width, height, batch, first)
    current = rows.tiles.firstIndex { $0.counted.upperBound > first } ?? rows.tiles.count
    sums = .zeros([1, planes, 0, width])
    if current < rows.tiles.count { extend() }
  }

  /// The next tiles to evaluate, all of one size; none where all are done.
  var cells: [Cell] {
    guard current < rows.tiles.count else { return [] }
    let left = columns.tiles[next...].prefix(batch), count = left.first?.range.count
    return left.prefix { $0.range.count == count }.map { Cell(row: rows.tiles[current], column: $0) }
  }

  /// The share of the tiles that are blended.
  var completed: Double { (Double(current) + Double(next) / Double(columns.tiles.count)) / Double(rows.tiles.count) }

  /// Adds the estimates of `cells`.
  /// - Parameter estimates: `[N, C, H, W]`.
  /// - Returns: once a row of tiles is complete, the rows that no later one adds to, and their means, `[1, C, rows, width]`.
  mutating func add(_ estimates: Tensor) throws(TorchFault) -> (rows: Range<Int>, means: Tensor)? {
    let cells = cells
    for (index, cell) in cells.enumerated() { try add(estimates.image(index), cell) }
    next += cells.count
    guard next == columns.tiles.count else { return nil }
    return finishRow()
  }

  private func add(_ estimate: Tensor, _ cell: Cell) throws(TorchFault) {
    let rows = cell.row.counted.clamped(to: first..<height), columns = cell.column.counted.clamped(to: 0..<width)
    guard !rows.isEmpty, !columns.isEmpty else { return }
    func weights(_ tile: TileAxis.Tile, _ part: Range<Int>, _ shape: [Int]) -> Tensor {
      let start = part.lowerBound - tile.counted.lowerBound
      return Tensor(Array(tile.weights[start..<(start + part.count)]), shape)
    }
    let part = estimate.narrow(2, rows.lowerBound - cell.row.range.lowerBound, rows.count)
      .narrow(3, columns.lowerBound - cell.column.range.lowerBound, columns.count)
    let weight = weights(cell.row, rows, [rows.count, 1]) * weights(cell.column, columns, [1, columns.count])
    let target = sums.narrow(2, rows.lowerBound - first, rows.count).narrow(3, columns.lowerBound, columns.count)
    try InPlace.copy(target + part * weight, into: target)
  }

  private mutating func finishRow() -> (rows: Range<Int>, means: Tensor)? {
    let end = min(rows.finalEnds[current], height)
    (current, next) = (end == height ? rows.tiles.count : current + 1, 0)
    // Nothing is wanted of a row of tiles but what it adds to the next.
    let finished = first..<max(end, first), means = sums.narrow(2, 0, finished.count)
    sums = sums.narrow(2, finished.count, sums.size(2) - finished.count)
    first = finished.upperBound
    if current < rows.tiles.count { extend() }
    return finished.isEmpty ? nil : (finished, means)
  }

  /// Makes room for the row of tiles at hand.
  private mutating func extend() {
    let missing = min(rows.tiles[current].counted.upperBound, height) - first - sums.size(2)
    if missing > 0 { sums = .cat([sums, .zeros([1, sums.size(1), missing, width])], dim: 2) }
  }
}
