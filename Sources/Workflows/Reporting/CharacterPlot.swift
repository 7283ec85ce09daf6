/// A curve in characters: dots of the Braille patterns, two in a column and four in a row of a character.
package struct CharacterPlot {
  package var columns = 64, rows = 12
  package var isLogarithmic = true

  package init(columns: Int = 64, rows: Int = 12, isLogarithmic: Bool = true) {
    (self.columns, self.rows, self.isLogarithmic) = (max(columns, 8), max(rows, 2), isLogarithmic)
  }

  /// Lines with the highest and the lowest value beside the first and the last; none where nothing can be shown.
  /// - Parameter points: in ascending order of x.
  package func lines(_ points: [(x: Double, y: Double)]) -> [String] {
    let y = PlotAxis(points.map(\.y), isLogarithmic: isLogarithmic), x = PlotAxis(points.map(\.x))
    let shown = points.filter { $0.x.isFinite && y.shows($0.y) }
    guard !shown.isEmpty else { return [] }
    let dots = shown.map { point in
      (
        column: Int((x.position(of: point.x) * Double(2 * columns - 1)).rounded()),
        row: Int(((1 - y.position(of: point.y)) * Double(4 * rows - 1)).rounded())
      )
    }
    let cells = joined(dots)
    let labels = (0..<rows).map { $0 == 0 ? PlotAxis.label(y.range.upperBound) : $0 == rows - 1 ? PlotAxis.label(y.range.lowerBound) : "" }
    let width = labels.map(\.count).max() ?? 0
    return zip(cells, labels).map { cells, label in
      String(repeating: " ", count: width - label.count) + label + " │"
        + String(String.UnicodeScalarView(cells.map { Unicode.Scalar($0)! }))
    }
  }

  /// The cells of the dots and of the lines between them, as Unicode scalars from U+2800.
  private func joined(_ dots: [(column: Int, row: Int)]) -> [[UInt32]] {
    var cells = Array(repeating: Array(repeating: UInt32(0x2800), count: columns), count: rows)
    func set(_ column: Int, _ row: Int) {
      // The bits of a pattern go down the left column, then the right, the fourth row last.
      let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
      cells[row / 4][column / 2] |= bits[row % 4][column % 2]
    }
    for (index, dot) in dots.enumerated() {
      let before = index > 0 ? dots[index - 1] : dot
      let steps = max(abs(dot.column - before.column), abs(dot.row - before.row), 1)
      for step in 0...steps {
        set(before.column + (dot.column - before.column) * step / steps, before.row + (dot.row - before.row) * step / steps)
      }
    }
    return cells
  }
}
