import Imaging
import Testing

@Suite("PBM, PGM and PPM") struct NetpbmTests {
  private func decode(_ header: String, _ samples: [UInt8] = []) throws -> Image { try Image(decoding: Array(header.utf8) + samples) }

  private func problem(_ header: String, _ samples: [UInt8] = []) -> String? {
    #expect(throws: ImagingError.self) { try decode(header, samples) }?.description
  }

  @Test func bytesAndTextsOfEachKindGiveTheSamePixels() throws {
    let grey = Image(width: 3, height: 2, channels: 1, bytes: [0, 1, 128, 200, 254, 255])
    #expect(try decode("P5\n3 2\n255\n", grey.bytes) == grey)
    #expect(try decode("P5 # scanner\n# of 1994\n3\t2 255 ", grey.bytes) == grey)
    #expect(try decode("P2\n3 2\n255\n0 1 128\n200 254 255\n") == grey)
    let color = Image(width: 1, height: 2, channels: 3, bytes: [1, 2, 3, 250, 251, 252])
    #expect(try decode("P6\n1 2\n255\n", color.bytes) == color)
    #expect(try decode("P3 1 2 255 1 2 3 250 251 252") == color)
  }

  @Test func inABitmapOneIsBlackAndRowsBeginAtABytesStart() throws {
    let expected = Image(
      width: 9, height: 2, channels: 1, bytes: [0, 255, 0, 255, 0, 255, 0, 255, 0] + [255, 255, 255, 255, 0, 0, 0, 0, 255])
    #expect(try decode("P4\n9 2\n", [0b1010_1010, 0b1000_0000, 0b0000_1111, 0]) == expected)
    #expect(try decode("P1\n9 2\n101010101\n0 0 0 0 1 1 1 1 0\n") == expected)
  }

  @Test func otherMaximaAreStretchedAndSixteenBitsRoundedToTheNearest() throws {
    #expect(try decode("P5\n4 1\n15\n", [0, 1, 8, 15]).bytes == [0, 17, 136, 255])
    #expect(try decode("P2\n3 1\n1000\n0 499 1000").bytes == [0, 127, 255])
    // 128 steps of 257 up to half a step: 32,896 is 128, 32,896 + 129 is 129.
    let samples: [UInt8] = [0, 0, 0x80, 0x80, 0x81, 0x01, 0xFF, 0xFF]
    #expect(try decode("P5\n4 1\n65535\n", samples).bytes == [0, 128, 129, 255])
  }

  @Test func aPartIsThatOfTheWhole() throws {
    let image = patterned(width: 30, height: 20, channels: 3)
    let reader = try PictureReader(decoding: Array("P6 30 20 255\n".utf8) + image.bytes)
    #expect(reader.format == .netpbm && reader.width == 30 && reader.height == 20 && reader.channels == 3)
    #expect(try reader.image(row: 7, column: 11, width: 13, height: 5) == image.cropped(row: 7, column: 11, width: 13, height: 5))
  }

  @Test func missingAndExcessiveSamplesAreRefused() {
    for count in 0..<6 { #expect(problem("P5\n3 2\n255\n", [UInt8](repeating: 1, count: count))?.contains("promises 6 bytes") == true) }
    #expect(problem("P5\n3 2\n15\n", [0, 1, 2, 3, 4, 16])?.contains("sample 5 is 16") == true)
    #expect(problem("P2\n3 2\n255\n0 1 2 3 4     ")?.contains("before all numbers") == true)
    #expect(problem("P5\n0 2\n255\n")?.contains("expected 1 to") == true)
    #expect(problem("P5\n3 2\n70000\n")?.contains("expected 1 to 65535") == true)
    #expect(problem("P5\n3")?.contains("before all numbers") == true)
    #expect(problem("P6\n99999999999999999999 2\n255\n") != nil)
    #expect(problem("P6\n100000 100000\n255\n")?.contains("100000 x 100000 pixels") == true)
  }

  @Test(arguments: ["P1 is the first of five parts", "P5", "BMW is a company and not a bitmap", "P7\nWIDTH 1\n"])
  func textThatBeginsLikeOneIsNotAPicture(text: String) {
    #expect(PictureFormat(start: Array(text.utf8)) == nil)
  }
}
