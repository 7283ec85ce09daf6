import Imaging
import RecipeKit
import Testing

@testable import Datasets

/// Sheets of 2 x 3 cells of 2 x 3 pixels, whose first pixel is 10 times the row and the column, and 1.
@Suite("Sprites of a sheet") struct SpriteTests {
  let folder: PictureFolder
  init() throws { folder = try PictureFolder() }

  func sheet(margin: Int = 0, spacing: Int = 0, rest: Int = 0, channels: Int = 1) -> Image {
    let height = 2 * margin + 2 * 2 + spacing + rest, width = 2 * margin + 3 * 3 + 2 * spacing
    var image = Image(width: width, height: height, color: [UInt8](repeating: channels % 2 == 0 ? 0 : 255, count: channels))
    for row in 0..<2 {
      for column in 0..<3 {
        image[margin + row * (2 + spacing), margin + column * (3 + spacing), 0] = UInt8(10 * row + column + 1)
        if channels % 2 == 0 { image[margin + row * (2 + spacing), margin + column * (3 + spacing), channels - 1] = 255 }
      }
    }
    return image
  }

  func recipe(_ path: String = "", _ change: (inout SpriteDataset.Recipe) -> Void = { _ in }) -> SpriteDataset.Recipe {
    var recipe = SpriteDataset.Recipe()
    (recipe.path, recipe.cell) = (folder.file(path), [2, 3])
    change(&recipe)
    return recipe
  }

  @Test func comeRowByRow() throws {
    try folder.write(sheet().encoded(), to: "s.png")
    let set = try recipe("s.png").open()
    #expect(set.shape == ImageShape(height: 2, width: 3, channels: 1))
    #expect(try greys(set) == [1, 2, 3, 11, 12, 13])
    #expect(try set[4].name == "\(folder.file("s.png")): row 1, column 1")
    #expect(set.classNames.isEmpty)
  }

  @Test func marginAndSpacingAreNotPartOfThem() throws {
    try folder.write(sheet(margin: 4, spacing: 1, rest: 1).encoded(), to: "s.png")
    let set = try recipe("s.png") { ($0.margin, $0.spacing) = (4, 1) }.open()
    #expect(try greys(set) == [1, 2, 3, 11, 12, 13])
    #expect(
      set.skipped == [
        SkippedFile(
          name: folder.file("s.png"), reason: "1 rows of pixels at the bottom and 0 columns at the right are in no cell")
      ])
  }

  @Test func emptyCellsAreLeftOut() throws {
    var clear = sheet(channels: 4)
    clear[2, 3, 3] = 0
    try folder.write(clear.encoded(), to: "s.png")
    #expect(try greys(recipe("s.png").open()) == [1, 2, 3, 11, 13])
    var plain = sheet()
    plain[0, 0] = 255
    try folder.write(plain.encoded(), to: "s.png")
    #expect(try greys(recipe("s.png").open()) == [2, 3, 11, 12, 13])
    try folder.write(Image(width: 9, height: 4, color: [7]).encoded(), to: "s.png")
    #expect(complaint(recipe("s.png")).contains("every cell of its 1 sheets is empty"))
  }

  @Test func alphaIsKeptAndGivenToSheetsWithoutIt() throws {
    try folder.write(sheet(channels: 2).encoded(), to: "a.png")
    var plain = sheet(channels: 3)
    for channel in 0..<3 { plain[0, 0, channel] = 255 }
    try folder.write(plain.encoded(), to: "b.png")
    let set = try recipe().open()
    #expect(set.channels == 4)
    #expect(set.count == 11)
    #expect(try set[0].image().bytes.prefix(8) == [1, 1, 1, 255, 0, 0, 0, 0])
    #expect(try set[6].image().bytes.prefix(8) == [2, 255, 255, 255, 255, 255, 255, 255])
  }

  @Test func classesAreSheetsOrRows() throws {
    try folder.write(sheet().encoded(), to: "z/b.png")
    try folder.write(sheet().encoded(), to: "a.png")
    let sheets = try recipe { $0.classFrom = .sheet }.open()
    #expect(sheets.classNames == ["a", "z/b"])
    #expect(sheets.classCounts == [6, 6])
    let rows = try recipe { $0.classFrom = .row }.open()
    #expect(rows.classNames == ["0", "1"])
    #expect(try labels(rows) == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1])
    let named = try recipe { ($0.classFrom, $0.classNames) = (.row, ["north"]) }.open()
    #expect(try labels(named) == [0, 0, 0, 0, 0, 0])
    #expect(named.skipped.count == 6)
    #expect(try recipe { ($0.classFrom, $0.classNames) = (.sheet, ["z/b"]) }.open().count == 6)
    #expect(complaint(recipe { ($0.classFrom, $0.classNames) = (.sheet, ["c"]) }).contains("none of its 12 sprites"))
  }

  @Test func sheetsMayLieInAnArchive() throws {
    let path = try folder.zip("s.zip", [], [("x/b.png", sheet().encoded())])
    let set = try recipe("s.zip").open()
    #expect(set.count == 6)
    #expect(try set[5].name == "\(path): x/b.png: row 1, column 2")
  }

  @Test func aSheetWithoutRoomForACellIsRefused() throws {
    try folder.write(sheet().encoded(), to: "s.png")
    #expect(
      complaint(recipe("s.png") { $0.cell = [5, 3] }).hasSuffix("has 4 x 9 pixels, no room for a cell of 5 x 3 within a margin of 0"))
    #expect(complaint(recipe("s.png") { $0.margin = 2 }).contains("no room for a cell"))
    struct Wrapper: RecipeKit.Recipe { var data = Choice<DatasetRegistry>(SpriteDataset.Recipe()) }
    for bad in ["cell: [3]", "cell: [0, 3]", "margin: -1", "spacing: -1", "class_names: [a]", "class_from: csv"] {
      #expect(throws: RecipeError.self, "\(bad)") { try Wrapper(yaml: "data: { type: sprites, \(bad) }") }
    }
  }
}
