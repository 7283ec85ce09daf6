import Imaging
import Testing

@Suite("Cutting, padding and resizing") struct GeometryTests {
  private let image = patterned(width: 7, height: 4, channels: 3)

  @Test func aCropHoldsThePixelsThatItNames() {
    let crop = image.cropped(row: 1, column: 2, width: 3, height: 2)
    #expect(crop.width == 3 && crop.height == 2)
    for row in 0..<2 {
      for column in 0..<3 {
        for channel in 0..<3 { #expect(crop[row, column, channel] == image[row + 1, column + 2, channel]) }
      }
    }
  }

  @Test func theSquareIsTakenFromTheMiddleOfEitherSide() {
    #expect(image.centerCroppedToSquare() == image.cropped(row: 0, column: 1, width: 4, height: 4))
    let tall = patterned(width: 2, height: 6, channels: 1)
    #expect(tall.centerCroppedToSquare() == tall.cropped(row: 2, column: 0, width: 2, height: 2))
  }

  @Test func paddingSurroundsThePictureAndCropsBackToIt() {
    let padded = image.padded(top: 1, left: 2, bottom: 3, right: 4, color: [9, 8, 7])
    #expect(padded.width == 13 && padded.height == 8)
    #expect(padded.cropped(row: 1, column: 2, width: 7, height: 4) == image)
    #expect([padded[0, 0, 0], padded[7, 12, 1], padded[1, 1, 2]] == [9, 8, 7])
    let centered = image.padded(toWidth: 10, height: 8)
    #expect(centered.cropped(row: 2, column: 1, width: 7, height: 4) == image)
  }

  @Test func nearestRepeatsPixelsAndPicksThemBackOut() throws {
    let large = try image.resized(width: 21, height: 8, filter: .nearest)
    #expect(large == image.resized3x2)
    #expect(try large.resized(width: 7, height: 4, filter: .nearest) == image)
  }

  @Test func boxGivesTheMeanOfTheAreaAlsoAtFractions() throws {
    let row = Image(width: 3, height: 1, channels: 1, bytes: [0, 90, 240])
    // Each new pixel covers one and a half old ones: (0 + 90/2) / 1.5 and (90/2 + 240) / 1.5.
    #expect(try row.resized(width: 2, height: 1, filter: .box).bytes == [30, 190])
    let square = Image(width: 2, height: 2, channels: 1, bytes: [10, 20, 30, 41])
    #expect(try square.resized(width: 1, height: 1, filter: .box).bytes == [25])
  }

  @Test(arguments: ResizeFilter.allCases) func aConstantStaysConstantAtAnySize(filter: ResizeFilter) throws {
    let color: [UInt8] = [200, 3, 77]
    let flat = Image(width: 31, height: 17, color: color)
    for (width, height) in [(5, 3), (64, 40), (31, 2), (1, 1)] {
      let resized = try flat.resized(width: width, height: height, filter: filter)
      #expect(resized == Image(width: width, height: height, color: color), "\(width) x \(height)")
    }
  }

  @Test(arguments: [ResizeFilter.box, .lanczos3]) func invisiblePixelsDoNotBleed(filter: ResizeFilter) throws {
    var image = Image(width: 16, height: 16, color: [255, 255, 255, 0])
    image.paste(Image(width: 8, height: 16, color: [200, 0, 0, 255]), row: 0, column: 0)
    let small = try image.resized(width: 5, height: 5, filter: filter)
    for column in 0..<5 where small[2, column, 3] > 8 {
      #expect(small[2, column, 1] < 16, "the white of invisible pixels shows in column \(column)")
    }
  }

  @Test func lanczosKeepsASmoothRampAndItsMean() throws {
    let ramp = Image(width: 64, height: 64, channels: 1, bytes: (0..<4096).map { UInt8(2 * ($0 % 64) + 60) })
    let small = try ramp.resized(width: 16, height: 16, filter: .lanczos3)
    // The centre of new pixel i lies at 4 i + 1.5 of the old; one for rounding at each of the two axes.
    for column in 2..<14 { #expect(abs(Double(small[8, column]) - (60 + 2 * (4 * Double(column) + 1.5))) <= 2) }
  }

  @Test func absurdSizesAreRefused() {
    #expect(throws: ImagingError.self) { try image.resized(width: 0, height: 4) }
    #expect(throws: ImagingError.self) { try image.resized(width: 1 << 20, height: 1 << 20, filter: .nearest) }
  }

  @Test func channelsConvertByLumaAndOpaqueAlpha() {
    let red = Image(width: 1, height: 1, color: [255, 0, 0])
    #expect(red.withChannels(1).bytes == [76])
    #expect(red.withChannels(4).bytes == [255, 0, 0, 255])
    #expect(Image(width: 1, height: 1, color: [9, 128]).withChannels(4).bytes == [9, 9, 9, 128])
    #expect(Image(width: 1, height: 1, color: [9, 128]).withChannels(3).bytes == [9, 9, 9])
    #expect(Image(width: 1, height: 1, color: [100, 51]).flattened(over: [200]).bytes == [180])
  }
}

extension Image {
  /// Every pixel three times across and twice down, by its definition.
  fileprivate var resized3x2: Image {
    var result = Image(width: 3 * width, height: 2 * height, color: [UInt8](repeating: 0, count: channels))
    for row in 0..<(2 * height) {
      for column in 0..<(3 * width) {
        for channel in 0..<channels { result[row, column, channel] = self[row / 2, column / 3, channel] }
      }
    }
    return result
  }
}

@Suite("Image grids") struct GridTests {
  @Test func everyPixelIsWhereTheLayoutSays() throws {
    let images = (0..<5).map { Image(width: 2, height: 3, color: [UInt8(100 + $0)]) }
    let grid = try Image.grid(images, columns: 3, padding: 1, background: [7], scale: 2)
    #expect(grid.width == 1 + 3 * (2 * 2 + 1) && grid.height == 1 + 2 * (3 * 2 + 1))
    for row in 0..<grid.height {
      for column in 0..<grid.width {
        let (cellRow, y) = (row / 7, row % 7), (cellColumn, x) = (column / 5, column % 5)
        let index = cellRow * 3 + cellColumn
        let inside = y > 0 && x > 0 && index < 5
        #expect(grid[row, column] == (inside ? UInt8(100 + index) : 7), "row \(row), column \(column)")
      }
    }
  }

  @Test func picturesAreMagnifiedPixelByPixel() throws {
    let image = patterned(width: 2, height: 2, channels: 3)
    let grid = try Image.grid([image], padding: 0, scale: 3)
    #expect(grid == image.magnified(by: 3))
    for row in 0..<6 { for column in 0..<6 { #expect(grid[row, column, 1] == image[row / 3, column / 3, 1]) } }
  }

  @Test(arguments: [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (100, 10)])
  func withoutColumnsTheGridIsAboutSquare(count: Int, columns: Int) throws {
    let grid = try Image.grid([Image](repeating: Image(width: 1, height: 1, color: [1]), count: count), padding: 0)
    #expect(grid.width == columns)
  }

  @Test func picturesThatDifferInShapeAreRefused() {
    let error = #expect(throws: ImagingError.self) {
      try Image.grid([Image(width: 2, height: 2, color: [0]), Image(width: 2, height: 2, color: [0, 0, 0])])
    }
    #expect(
      error?.description
        == "picture 1 of a grid is 2 x 2 pixels with 3 channels, expected 2 x 2 pixels with 1 channel like the first")
    #expect(throws: ImagingError.self) { try Image.grid([]) }
    #expect(throws: ImagingError.self) { try Image.grid([Image(width: 1, height: 1, color: [0])], columns: 0) }
  }
}
