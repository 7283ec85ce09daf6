import Testing

@testable import Imaging

@Suite("Picture sheets") struct SheetTests {
  private let small = Image(width: 4, height: 3, color: [10])

  private func sheet(_ count: Int, columns: Int, _ change: (inout PictureSheet) -> Void = { _ in }) throws -> Image {
    var sheet = PictureSheet([Image](repeating: Image(width: 40, height: 30, color: [90]), count: count), columns: columns)
    change(&sheet)
    return try sheet.draw()
  }

  /// Rows and columns that hold any pixel of a value.
  private func extent(of value: UInt8, in image: Image) -> (rows: Set<Int>, columns: Set<Int>) {
    let places = image.bytes.indices.filter { image.bytes[$0] == value }
    return (Set(places.map { $0 / image.width }), Set(places.map { $0 % image.width }))
  }

  @Test func captionsStandBelowTheirPicturesAndNeverOnThem() throws {
    let plain = try sheet(4, columns: 2)
    let captioned = try sheet(4, columns: 2) { $0.captions = ["one", "two", "three", "four"] }
    #expect(captioned.width == plain.width && captioned.height == plain.height + 2 * 11)
    let ink = extent(of: 255, in: captioned)
    // Pictures stand at rows 2 to 31 and 45 to 74.
    #expect(ink.rows.isDisjoint(with: Set(2..<32).union(45..<75)))
    #expect(!ink.rows.isDisjoint(with: Set(32..<45)) && !ink.rows.isDisjoint(with: Set(75..<88)))
    #expect(extent(of: 90, in: captioned).rows == Set(2..<32).union(45..<75))
  }

  @Test func titlesOfRowsColumnsAndTheWholeStandOutsideTheCells() throws {
    let captioned = try sheet(6, columns: 3) {
      $0.columnTitles = ["a", "b", "c"]
      $0.rowTitles = ["first", "second"]
      $0.title = "all of them"
    }
    let cells = extent(of: 90, in: captioned)
    let left = cells.columns.min()!, top = cells.rows.min()!
    #expect(left == 2 + PixelFont.width("second") + 4 && top == 2 + 12 + 10)
    for (row, column) in [(top, left), (top, left + 42), (top + 32, left + 84)] { #expect(captioned[row, column] == 90) }
    let ink = captioned.bytes.indices.filter { captioned.bytes[$0] == 255 }
    #expect(ink.allSatisfy { $0 / captioned.width < top || $0 % captioned.width < left })
  }

  @Test func aLongCaptionIsCutToItsPictureAndSaysSo() throws {
    let (ink, width) = PixelFont.line("a caption much too long", width: 40)
    #expect(width <= 40 && ink.allSatisfy { $0.column < 40 })
    let dots = PixelFont.line("…", width: 40).ink
    #expect(ink.suffix(dots.count).map(\.row) == dots.map(\.row))
    #expect(PixelFont.line("anything", width: 2).ink.isEmpty)
    #expect(PixelFont.line("short", width: 40).width == PixelFont.width("short"))
  }

  @Test(arguments: [("Zürich", "Zurich"), ("Москва", "Moskva"), ("naïve", "naive"), ("🙂", "?")])
  func charactersMissingFromTheFontAreReplaced(text: String, plain: String) {
    #expect(PixelFont.line(text, width: 1000).ink.map(\.column) == PixelFont.line(plain, width: 1000).ink.map(\.column))
  }

  @Test func everyPrintableCharacterHasADrawingOfItsOwn() {
    #expect(PixelFont.drawings.count == 96)
    #expect(Set(PixelFont.drawings).count == 96)
    for drawing in PixelFont.drawings {
      let rows = drawing.split(separator: "/")
      #expect(rows.count <= 9 && Set(rows.map(\.count)).count == 1)
      #expect(drawing.allSatisfy { "#./".contains($0) })
    }
  }

  @Test func wordsAreBlackOnLightGroundsAndWhiteOnDarkOnes() throws {
    let light = try sheet(1, columns: 1) {
      $0.captions = ["x"]
      $0.background = [240]
    }
    #expect(light.bytes.contains(0) && !light.bytes.contains(255))
  }

  @Test func picturesOfOtherSizesAndChannelsStandInTheMiddleOfTheirCells() throws {
    let large = Image(width: 6, height: 7, color: [1, 2, 3])
    var sheet = PictureSheet([small, large], columns: 2)
    sheet.padding = 0
    let drawn = try sheet.draw()
    #expect((drawn.width, drawn.height, drawn.channels) == (12, 7, 3))
    #expect(drawn.cropped(row: 2, column: 1, width: 4, height: 3) == small.withChannels(3))
    #expect(drawn.cropped(row: 0, column: 6, width: 6, height: 7) == large)
    #expect(drawn[1, 1] == 0)
  }

  @Test func wordsThatDoNotMatchThePicturesAreRefused() {
    #expect(throws: ImagingError(.invalid("1 captions for a sheet that needs 2"))) { try sheet(2, columns: 2) { $0.captions = ["a"] } }
    #expect(throws: ImagingError.self) { try sheet(2, columns: 2) { $0.rowTitles = ["a", "b"] } }
    #expect(throws: ImagingError.self) { try sheet(2, columns: 2) { $0.columnTitles = ["a"] } }
    #expect(throws: ImagingError.self) { try sheet(2, columns: 2) { $0.background = [1, 2] } }
  }
}
