import Imaging
import Testing

@Suite("Windows bitmaps") struct WindowsBitmapTests {
  /// A file, by the numbers of its header.
  private struct Bitmap {
    var width: Int, height: Int, bits: Int
    var headerLength = 40, compression = 0
    /// Behind the header: masks, or a palette.
    var table: [UInt8] = []
    /// As the file has them: rows from the bottom, filled up to multiples of 4 bytes.
    var pixels: [UInt8]

    var bytes: [UInt8] {
      func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
      let start = 14 + headerLength + table.count
      let side = headerLength == 12 ? 2 : 4
      var bytes = Array("BM".utf8) + little(start + pixels.count, 4) + little(0, 4) + little(start, 4)
      bytes += little(headerLength, 4) + little(width, side) + little(height, side) + little(1, 2) + little(bits, 2)
      if headerLength > 12 { bytes += little(compression, 4) + little(pixels.count, 4) + [UInt8](repeating: 0, count: 16) }
      return bytes + table + pixels
    }
  }

  private func decode(_ bitmap: Bitmap) throws -> Image { try Image(decoding: bitmap.bytes, name: "a.bmp") }
  private func problem(_ bytes: [UInt8]) -> String {
    #expect(throws: ImagingError.self) { try Image(decoding: bytes, name: "a.bmp") }?.description ?? ""
  }

  @Test func rowsRunFromTheBottomAndColoursFromBlue() throws {
    let pixels: [UInt8] = [7, 8, 9, 10, 11, 12, 0, 0] + [1, 2, 3, 4, 5, 6, 0, 0]
    let expected = Image(width: 2, height: 2, channels: 3, bytes: [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10])
    #expect(try decode(Bitmap(width: 2, height: 2, bits: 24, pixels: pixels)) == expected)
    #expect(try decode(Bitmap(width: 2, height: 2, bits: 24, headerLength: 12, pixels: pixels)) == expected)
    // A negative height: from the top.
    let turned = try decode(Bitmap(width: 2, height: -2, bits: 24, pixels: pixels))
    #expect(turned == expected.flippedVertically())
  }

  @Test func palettesAreResolvedAndGreysAloneAreGrey() throws {
    let greys: [UInt8] = [0, 0, 0, 0, 255, 255, 255, 0]
    let black = try decode(Bitmap(width: 9, height: 1, bits: 1, table: greys, pixels: [0b1010_1010, 0b1000_0000, 0, 0]))
    #expect(black == Image(width: 9, height: 1, channels: 1, bytes: [255, 0, 255, 0, 255, 0, 255, 0, 255]))
    let colors: [UInt8] = [1, 2, 3, 0, 40, 50, 60, 0]
    let four = try decode(Bitmap(width: 3, height: 1, bits: 4, table: colors, pixels: [0x01, 0x10, 0, 0]))
    #expect(four == Image(width: 3, height: 1, channels: 3, bytes: [3, 2, 1, 60, 50, 40, 60, 50, 40]))
    let eight = Bitmap(width: 2, height: 1, bits: 8, headerLength: 12, table: [1, 2, 3, 40, 50, 60], pixels: [1, 0, 0, 0])
    #expect(try decode(eight) == Image(width: 2, height: 1, channels: 3, bytes: [60, 50, 40, 3, 2, 1]))
    #expect(problem(Bitmap(width: 2, height: 1, bits: 8, table: colors, pixels: [1, 2, 0, 0]).bytes).contains("of 2 colours"))
  }

  @Test func masksSayWhereTheColoursOfAPixelAre() throws {
    #expect(try decode(Bitmap(width: 1, height: 1, bits: 16, pixels: [0xFF, 0x7F, 0, 0])).bytes == [255, 255, 255])
    let masks: [UInt8] = [0, 0xF8, 0, 0, 0xE0, 0x07, 0, 0, 0x1F, 0, 0, 0]
    let green = Bitmap(width: 1, height: 1, bits: 16, compression: 3, table: masks, pixels: [0xE0, 0x07, 0, 0])
    #expect(try decode(green).bytes == [0, 255, 0])
    // The fourth byte is nothing without a mask for it.
    #expect(try decode(Bitmap(width: 1, height: 1, bits: 32, pixels: [1, 2, 3, 4])) == Image(width: 1, height: 1, color: [3, 2, 1]))
    let opacity: [UInt8] = [0, 0, 0xFF, 0, 0, 0xFF, 0, 0, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF]
    let clear = Bitmap(width: 1, height: 1, bits: 32, compression: 6, table: opacity, pixels: [1, 2, 3, 4])
    #expect(try decode(clear) == Image(width: 1, height: 1, color: [3, 2, 1, 4]))
  }

  @Test func aPartIsThatOfTheWhole() throws {
    let bytes = Bitmap(width: 4, height: 5, bits: 24, pixels: (0..<60).map { UInt8($0) }).bytes
    let reader = try PictureReader(decoding: bytes)
    #expect(reader.format == .bmp && reader.width == 4 && reader.height == 5 && reader.channels == 3 && !reader.isDeep)
    #expect(try reader.image(row: 1, column: 1, width: 2, height: 3) == reader.image().cropped(row: 1, column: 1, width: 2, height: 3))
  }

  @Test func kindsThatAreNotReadAndDamageAreRefused() {
    let packed = problem(
      Bitmap(width: 2, height: 1, bits: 8, compression: 1, table: [UInt8](repeating: 0, count: 1024), pixels: [2, 1, 0, 1]).bytes)
    #expect(packed.contains("a BMP of 8 bits a pixel with compression 1, expected none; save it as PNG"))
    let whole = Bitmap(width: 8, height: 8, bits: 24, pixels: [UInt8](repeating: 7, count: 192)).bytes
    for length in 18..<whole.count { #expect(problem(Array(whole[..<length])).hasPrefix("a.bmp: "), "\(length) bytes") }
    for (width, height) in [(0, 1), (1, 0), (-1, 1), (1 << 30, 1 << 30), (100_000, 2000), (1, Int(Int32.min))] {
      #expect(
        problem(Bitmap(width: width, height: height, bits: 24, pixels: [0, 0, 0, 0]).bytes).hasPrefix("a.bmp: "), "\(width) x \(height)")
    }
  }

  /// Whatever stands in a header, nothing outside the file is read.
  @Test func noByteOfAHeaderLeadsOutOfTheFile() {
    let whole = Bitmap(width: 3, height: 2, bits: 4, table: [UInt8](repeating: 9, count: 64), pixels: [UInt8](repeating: 0x12, count: 8))
      .bytes
    for index in 0..<54 {
      for value in [0, 1, 0x10, 0x20, 0x7F, 0x80, 0xFF] as [UInt8] {
        var bytes = whole
        bytes[index] = value
        _ = try? Image(decoding: bytes)
      }
    }
  }
}
