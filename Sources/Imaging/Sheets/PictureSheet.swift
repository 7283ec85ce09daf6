/// Pictures in rows and columns on one background, with captions: grids of samples, contact sheets, comparisons.
///
///     var sheet = PictureSheet(images, columns: 10)
///     sheet.captions = names
///     try sheet.draw().write(to: "sheet.png")
public struct PictureSheet: Sendable {
  /// Row by row from the upper left. Smaller ones stand in the middle of their cells.
  public var images: [Image]
  /// How many stand in a row.
  public var columns: Int
  /// One below each picture, cut to its width; none when empty.
  public var captions: [String] = []
  /// Above the columns and to the left of the rows; none when empty.
  public var columnTitles: [String] = []
  public var rowTitles: [String] = []
  /// Above the whole.
  public var title = ""
  /// Pixels between the cells and around all of them, not magnified.
  public var padding = 2
  /// Every pixel of a picture becomes a square of this side, to enlarge small pictures.
  public var scale = 1
  /// One value for each channel; black when not given. Also fills an unfinished last row. Words are black or white on it.
  public var background: [UInt8]?
  /// Pixels of a sheet for one of a letter, which is 7 high; by the size of the cells when not given.
  public var textScale: Int?

  /// - Parameter columns: when not given, the smallest number that makes the sheet no taller than wide, of square pictures.
  public init(_ images: [Image], columns: Int? = nil) {
    self.images = images
    self.columns = columns ?? Self.squareColumns(images.count)
  }

  /// The whole in as many channels as the picture with the most has.
  /// - Throws: `ImagingError` when there is no picture, when there are more or fewer captions or titles
  ///   than pictures, columns or rows, or when the sheet would be larger than `Image.pixelLimit`.
  public func draw() throws -> Image {
    try check()
    let layout = SheetLayout(self)
    guard layout.width <= Image.pixelLimit / layout.height else {
      throw ImagingError(.tooLarge(width: layout.width, height: layout.height, limit: Image.pixelLimit))
    }
    var sheet = Image(width: layout.width, height: layout.height, color: ground)
    for (index, image) in images.enumerated() {
      let picture = image.withChannels(channels).magnified(by: scale)
      let corner = layout.corner(of: index)
      sheet.paste(
        picture, row: corner.row + (layout.cellHeight - picture.height) / 2,
        column: corner.column + (layout.cellWidth - picture.width) / 2)
    }
    for word in layout.words { sheet.write(word, color: ink, scale: layout.textScale) }
    return sheet
  }

  private func check() throws {
    guard !images.isEmpty else { throw ImagingError(.invalid("a grid needs at least one picture")) }
    guard columns > 0, padding >= 0, scale > 0, textScale ?? 1 > 0 else {
      throw ImagingError(
        .invalid("a grid of \(columns) columns, padding \(padding), scale \(scale); expected at least 1, 0 and 1"))
    }
    let rows = (images.count + columns - 1) / columns
    for (words, count, what) in [
      (captions, images.count, "captions"), (columnTitles, columns, "titles of columns"), (rowTitles, rows, "titles of rows"),
    ] where !words.isEmpty && words.count != count {
      throw ImagingError(.invalid("\(words.count) \(what) for a sheet that needs \(count)"))
    }
    if let background, background.count != channels {
      throw ImagingError(.invalid("a background of \(background.count) values for pictures of \(channels) channels"))
    }
  }

  private var channels: Int { images.map(\.channels).max() ?? 1 }
  private var ground: [UInt8] { background ?? Self.opaque(0, channels) }
  /// Black on light backgrounds, white on dark ones.
  private var ink: [UInt8] { Self.opaque(Image(width: 1, height: 1, color: ground).withChannels(1).bytes[0] < 128 ? 255 : 0, channels) }

  private static func opaque(_ value: UInt8, _ channels: Int) -> [UInt8] {
    [UInt8](repeating: value, count: channels - 1) + [channels % 2 == 0 ? 255 : value]
  }

  private static func squareColumns(_ count: Int) -> Int {
    var columns = 1
    while columns * columns < count { columns += 1 }
    return columns
  }
}

/// A line of text at its place on a sheet.
struct SheetWords {
  var text: String
  /// The upper left corner of its area.
  var row: Int, column: Int
  /// Pixels that it may take.
  var width: Int
  var isCentered: Bool
}

/// The positions of everything on a sheet.
private struct SheetLayout {
  let sheet: PictureSheet
  let textScale: Int, cellWidth: Int, cellHeight: Int
  /// Rows that the title, the titles of columns and a caption take; columns that the titles of rows take.
  private let titleHeight: Int, columnTitleHeight: Int, captionHeight: Int, rowTitleWidth: Int

  init(_ sheet: PictureSheet) {
    self.sheet = sheet
    cellWidth = sheet.scale * (sheet.images.map(\.width).max() ?? 1)
    cellHeight = sheet.scale * (sheet.images.map(\.height).max() ?? 1)
    textScale = sheet.textScale ?? max(1, min(cellWidth, cellHeight) / 128)
    let line = textScale * PixelFont.lineHeight
    // Words above a picture would touch it without a row between.
    titleHeight = sheet.title.isEmpty ? 0 : line + 2 * textScale
    columnTitleHeight = sheet.columnTitles.isEmpty ? 0 : line
    captionHeight = sheet.captions.isEmpty ? 0 : line + textScale
    rowTitleWidth = textScale * (sheet.rowTitles.map(PixelFont.width).max().map { $0 + 4 } ?? 0)
  }

  private var rows: Int { (sheet.images.count + sheet.columns - 1) / sheet.columns }
  private var top: Int { sheet.padding + titleHeight + columnTitleHeight }
  private var left: Int { sheet.padding + rowTitleWidth }
  private var pitch: (rows: Int, columns: Int) { (cellHeight + captionHeight + sheet.padding, cellWidth + sheet.padding) }
  var width: Int { left + sheet.columns * pitch.columns }
  var height: Int { top + rows * pitch.rows }

  func corner(of index: Int) -> (row: Int, column: Int) {
    (top + index / sheet.columns * pitch.rows, left + index % sheet.columns * pitch.columns)
  }

  var words: [SheetWords] {
    var words: [SheetWords] = []
    if !sheet.title.isEmpty {
      words.append(
        SheetWords(text: sheet.title, row: sheet.padding, column: sheet.padding, width: width - 2 * sheet.padding, isCentered: false))
    }
    for (column, title) in sheet.columnTitles.enumerated() {
      words.append(
        SheetWords(
          text: title, row: sheet.padding + titleHeight, column: corner(of: column).column, width: cellWidth, isCentered: true))
    }
    let middle = (cellHeight - textScale * PixelFont.lineHeight) / 2
    for (row, title) in sheet.rowTitles.enumerated() {
      let top = corner(of: row * sheet.columns).row + max(0, middle)
      words.append(SheetWords(text: title, row: top, column: sheet.padding, width: rowTitleWidth, isCentered: false))
    }
    for (index, caption) in sheet.captions.enumerated() {
      let corner = corner(of: index)
      words.append(
        SheetWords(
          text: caption, row: corner.row + cellHeight + 2 * textScale, column: corner.column, width: cellWidth, isCentered: true))
    }
    return words
  }
}

extension Image {
  /// Draws a line of text, clipped to the sheet.
  mutating func write(_ words: SheetWords, color: [UInt8], scale: Int) {
    let line = PixelFont.line(words.text, width: words.width / scale)
    let start = words.column + (words.isCentered ? (words.width - line.width * scale) / 2 : 0)
    for pixel in line.ink {
      for row in 0..<scale {
        for column in 0..<scale {
          let y = words.row + pixel.row * scale + row, x = start + pixel.column * scale + column
          guard (0..<height).contains(y), (0..<width).contains(x) else { continue }
          for channel in 0..<channels { self[y, x, channel] = color[channel] }
        }
      }
    }
  }
}
