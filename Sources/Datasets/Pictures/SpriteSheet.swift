import Imaging

/// A picture cut in cells: `margin` pixels around, `spacing` pixels between them, counted from the upper left.
struct SpriteSheet: Sendable {
  let name: String
  let image: Image
  let rows: Int, columns: Int
  private let height: Int, width: Int, margin: Int, spacing: Int

  /// - Throws: `DatasetError` where not one cell fits.
  init(name: String, image: Image, recipe: SpriteDataset.Recipe) throws(DatasetError) {
    (self.name, self.image) = (name, image)
    (height, width, margin, spacing) = (recipe.cell[0], recipe.cell[1], recipe.margin, recipe.spacing)
    rows = Self.count(in: image.height, of: height, margin: margin, spacing: spacing)
    columns = Self.count(in: image.width, of: width, margin: margin, spacing: spacing)
    guard rows > 0, columns > 0 else {
      throw DatasetError(
        .data, name,
        "has \(image.height) x \(image.width) pixels, no room for a cell of \(height) x \(width) within a margin of \(margin)")
    }
  }

  private static func count(in length: Int, of cell: Int, margin: Int, spacing: Int) -> Int {
    max(0, length - 2 * margin + spacing) / (cell + spacing)
  }

  func withChannels(_ channels: Int) -> SpriteSheet {
    SpriteSheet(name: name, image: image.withChannels(channels), like: self)
  }

  private init(name: String, image: Image, like other: SpriteSheet) {
    (self.name, self.image) = (name, image)
    (rows, columns) = (other.rows, other.columns)
    (height, width, margin, spacing) = (other.height, other.width, other.margin, other.spacing)
  }

  func cell(_ row: Int, _ column: Int) -> Image {
    image.cropped(row: margin + row * (height + spacing), column: margin + column * (width + spacing), width: width, height: height)
  }

  func title(_ row: Int, _ column: Int) -> String { "\(name): row \(row), column \(column)" }

  /// Cells that are not empty, row by row.
  var drawnCells: [(row: Int, column: Int)] {
    (0..<rows).flatMap { row in (0..<columns).map { (row, $0) } }.filter { !isEmpty(cell($0.0, $0.1)) }
  }

  private func isEmpty(_ cell: Image) -> Bool {
    let channels = cell.channels
    if cell.hasAlpha { return stride(from: channels - 1, to: cell.bytes.count, by: channels).allSatisfy { cell.bytes[$0] == 0 } }
    return cell.bytes.indices.allSatisfy { cell.bytes[$0] == cell.bytes[$0 % channels] }
  }

  /// What of the sheet is in no cell.
  var leftover: SkippedFile? {
    let below = image.height - 2 * margin + spacing - rows * (height + spacing)
    let right = image.width - 2 * margin + spacing - columns * (width + spacing)
    guard below > 0 || right > 0 else { return nil }
    return SkippedFile(name: name, reason: "\(below) rows of pixels at the bottom and \(right) columns at the right are in no cell")
  }
}
