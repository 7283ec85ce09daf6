import Imaging

/// Pictures in a row and, below each, what became of it, as many rows of both as it takes. Small ones are magnified.
struct BeforeAfterSheet {
  /// The most pictures on a sheet, and in a row.
  static let limit = 100, columns = 10
  private var before: [Image] = [], after: [Image] = []

  var isEmpty: Bool { before.isEmpty }

  mutating func add(_ before: Image, _ after: Image) {
    guard self.before.count < Self.limit else { return }
    self.before.append(before)
    self.after.append(after)
  }

  /// - Parameter titles: of the rows.
  /// - Throws: `ImagingError` when nothing was added.
  func draw(_ titles: (before: String, after: String)) throws -> Image {
    let columns = min(before.count, Self.columns)
    var cells: [Image] = [], rowTitles: [String] = []
    for start in stride(from: 0, to: before.count, by: columns) {
      let range = start..<min(start + columns, before.count)
      let blank = before[0].withChannels(1)
      let padding = Array(
        repeating: Image(width: blank.width, height: blank.height, color: [0]).withChannels(before[0].channels),
        count: columns - range.count)
      cells += before[range] + padding + after[range] + padding
      rowTitles += [titles.before, titles.after]
    }
    var sheet = PictureSheet(cells, columns: columns)
    sheet.scale = Self.scale(height: before[0].height)
    sheet.rowTitles = rowTitles
    return try sheet.draw()
  }

  /// Pictures are magnified to about 84 pixels: words and faults can be seen.
  static func scale(height: Int) -> Int { max(1, 84 / max(1, height)) }
}
