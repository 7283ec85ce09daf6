extension Image {
  /// Pictures side by side, row by row from the upper left, with `padding` pixels between them and around all of them.
  ///
  /// - Parameters:
  ///   - images: at least one; all of one size and one number of channels.
  ///   - columns: how many stand in a row; when not given, the smallest number that makes the grid no taller than wide.
  ///   - padding: in pixels of the result, not magnified.
  ///   - background: one value for each channel; 0 everywhere (black) when not given. Also fills an unfinished last row.
  ///   - scale: every pixel becomes a square of this side, to enlarge small pictures.
  /// - Throws: `ImagingError` when there is no picture or when they differ in shape.
  public static func grid(
    _ images: [Image], columns: Int? = nil, padding: Int = 2, background: [UInt8]? = nil, scale: Int = 1
  ) throws -> Image {
    guard let first = images.first else { throw ImagingError(.invalid("a grid needs at least one picture")) }
    for (index, image) in images.enumerated() where !image.hasShape(of: first) {
      throw ImagingError(
        .invalid("picture \(index) of a grid is \(image.shapeText), expected \(first.shapeText) like the first"))
    }
    var sheet = PictureSheet(images, columns: columns)
    (sheet.padding, sheet.background, sheet.scale) = (padding, background, scale)
    return try sheet.draw()
  }

  func hasShape(of other: Image) -> Bool {
    width == other.width && height == other.height && channels == other.channels
  }

  /// "28 x 28 pixels with 1 channel"
  var shapeText: String { "\(width) x \(height) pixels with \(channels) channel\(channels == 1 ? "" : "s")" }
}
