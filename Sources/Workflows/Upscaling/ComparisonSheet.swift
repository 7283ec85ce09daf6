import Imaging

/// Before and after side by side: a detail from the middle of each picture, enlarged by resampling alone, and the same part of
/// the result.
public struct ComparisonSheet: Sendable {
  /// Side of a detail, in pixels of the result.
  public static let side = 384
  /// A sheet shows the first pictures, at most this many.
  public static let limit = 12

  private var details: [Image] = []
  private var names: [String] = []

  public init() {}

  public var isEmpty: Bool { names.isEmpty }

  /// - Parameters:
  ///   - after: the result for `before`, larger by an integer factor of 1 or more.
  ///   - name: the title of the row.
  public mutating func add(before: Image, after: Image, name: String) throws {
    guard names.count < Self.limit else { return }
    let scale = max(1, after.width / before.width)
    let width = min(before.width, max(1, Self.side / scale)), height = min(before.height, max(1, Self.side / scale))
    let row = (before.height - height) / 2, column = (before.width - width) / 2
    let detail = before.cropped(row: row, column: column, width: width, height: height)
    details.append(try detail.resized(width: width * scale, height: height * scale))
    details.append(after.cropped(row: row * scale, column: column * scale, width: width * scale, height: height * scale))
    names.append(name)
  }

  /// - Throws: `ImagingError` when nothing was added.
  public func draw() throws -> Image {
    var sheet = PictureSheet(details, columns: 2)
    sheet.columnTitles = ["before", "after"]
    sheet.textScale = 2
    if names.count > 1 { sheet.rowTitles = names }
    return try sheet.draw()
  }
}
