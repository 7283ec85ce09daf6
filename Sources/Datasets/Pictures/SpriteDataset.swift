import Imaging
import RecipeKit

/// Small pictures that lie in rows on sheets, in cells of one size; empty cells are left out. Sheets are kept decoded.
///
/// They come sheet by sheet, in the order of `FolderDataset`, row by row from the top. A cell is empty where it is transparent all over,
/// or, on sheets without alpha, of one colour.
public struct SpriteDataset: Dataset {
  public let classNames: [String]
  public var shape: ImageShape? { imageShape }
  public var channels: Int { imageShape.channels }
  public let skipped: [SkippedFile]

  private let imageShape: ImageShape
  private let sheets: [SpriteSheet]
  private let cells: [Cell]

  private struct Cell {
    let sheet: Int, row: Int, column: Int
    var label: Int?
  }

  public enum ClassSource: String, Codable, Sendable, CaseIterable {
    case none
    /// The sheet's file: its relative path without its ending.
    case sheet
    /// The row, counted from 0, on whatever sheet.
    case row
  }

  /// A recipe's `data: { type: sprites, ... }`.
  public struct Recipe: SinglePathDatasetRecipe {
    public static let name = "sprites"

    /// A sheet, or a folder, zip or tar of sheets.
    public var path = "data"
    /// Height and width of a cell in pixels.
    public var cell = [16, 16]
    /// Pixels around all the cells.
    public var margin = 0
    /// Pixels between two cells.
    public var spacing = 0
    public var classFrom = ClassSource.none
    /// Classes in the order of their labels: sheets of which others are left out; or a name for each row from the top, further
    /// rows being left out. When not given: all sheets, sorted, or all rows, by number.
    public var classNames: [String]?

    public init() {}

    public func validate() throws(RecipeError) {
      try require(!path.isEmpty, "path", "expected the path of a sheet, a folder or an archive")
      try require(cell.count == 2, "cell", "expected height and width, found \(cell.count) numbers")
      try require(cell.allSatisfy { (1...4096).contains($0) }, "cell", "expected 1 to 4096 pixels, found \(cell[0]) x \(cell[1])")
      try require((0...4096).contains(margin), "margin", "expected 0 to 4096 pixels, found \(margin)")
      try require((0...4096).contains(spacing), "spacing", "expected 0 to 4096 pixels, found \(spacing)")
      try require(classNames?.isEmpty != true, "class_names", "expected at least one name, or null")
      if let classNames {
        try require(classFrom != .none, "class_names", "expected null, for class_from is none")
        try require(Set(classNames).count == classNames.count, "class_names", "expected each name once")
      }
    }

    public func open() throws -> any Dataset { try SpriteDataset(self) }
  }

  /// More bytes of decoded sheets are not kept: 2 to the power of 30.
  static let byteLimit = 1 << 30

  /// - Throws: `DatasetError`, `ArchiveError` or `ImagingError` when a sheet cannot be read or has no room for a cell, and when no
  ///   cell has anything in it.
  public init(_ recipe: Recipe) throws {
    let tree = try PictureTree(path: recipe.path)
    try tree.requirePictures()
    let all = try Self.sheets(recipe, tree)
    let channels = Self.commonChannels(all.map { $0.image.channels })
    sheets = all.map { $0.withChannels(channels) }
    // Asked of the sheets as they are: with an alpha channel that was added nothing is transparent.
    imageShape = ImageShape(height: recipe.cell[0], width: recipe.cell[1], channels: channels)
    let found = all.indices.flatMap { sheet in
      all[sheet].drawnCells.map { Cell(sheet: sheet, row: $0.row, column: $0.column) }
    }
    guard !found.isEmpty else { throw DatasetError(.data, recipe.path, "every cell of its \(all.count) sheets is empty") }
    let classes = Self.words(recipe, tree).map { word in
      ClassLabels(found.map(word), of: found.map { all[$0.sheet].title($0.row, $0.column) }, fixed: recipe.classNames)
    }
    skipped = tree.skipped + all.compactMap(\.leftover) + (classes?.skipped ?? [])
    classNames = classes?.names ?? []
    guard let classes else {
      cells = found
      return
    }
    cells = zip(found, classes.labels).compactMap { cell, label in
      label.map { Cell(sheet: cell.sheet, row: cell.row, column: cell.column, label: $0) }
    }
    guard !cells.isEmpty else {
      throw DatasetError(.data, recipe.path, "none of its \(found.count) sprites is of a class in class_names")
    }
  }

  public var count: Int { cells.count }

  public subscript(index: Int) -> Picture {
    precondition((0..<count).contains(index), "sprite \(index) of a data set of \(count)")
    let cell = cells[index], sheet = sheets[cell.sheet]
    return Picture(.pixels(sheet.cell(cell.row, cell.column)), label: cell.label, name: sheet.title(cell.row, cell.column))
  }

  public func label(at index: Int) -> Int? { cells[index].label }

  private static func sheets(_ recipe: Recipe, _ tree: PictureTree) throws -> [SpriteSheet] {
    var bytes = 0
    return try tree.names.indices.map { index in
      let name = tree.title(index)
      let image = try Picture(tree.content(index), name: name).image()
      bytes += 4 * image.width * image.height
      guard bytes <= byteLimit else {
        throw DatasetError(
          .data, recipe.path, "its sheets take more than the \(byteLimit) bytes that are kept in memory; use fewer at a time")
      }
      return try SpriteSheet(name: name, image: image, recipe: recipe)
    }
  }

  /// Colour where one has colour, alpha where one has alpha.
  private static func commonChannels(_ channels: [Int]) -> Int {
    (channels.contains { $0 > 2 } ? 3 : 1) + (channels.contains { $0 % 2 == 0 } ? 1 : 0)
  }

  /// What a cell's class is called; nil for a set without classes.
  private static func words(_ recipe: Recipe, _ tree: PictureTree) -> ((Cell) -> String)? {
    switch recipe.classFrom {
    case .none: return nil
    case .sheet:
      return { cell in
        let name = tree.names[cell.sheet]
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
      }
    case .row:
      let names = recipe.classNames ?? []
      return { cell in cell.row < names.count ? names[cell.row] : String(cell.row) }
    }
  }
}
