import Imaging
import Testing

/// What a header promises is held against bounds when the picture is opened, before a decoder takes memory for it.
@Suite("Memory for pictures") struct PictureBoundsTests {
  private func reason(_ bytes: [UInt8]) -> ImagingError.Problem? {
    #expect(throws: ImagingError.self) { try PictureReader(decoding: bytes) }?.problem
  }

  @Test(arguments: [8, 16] as [UInt8]) func aRowOfMillionsOfPixelsIsRefused(depth: UInt8) {
    let png = TinyPNG(width: 8_388_618, height: 12, depth: depth, colorType: 0, rows: [[0]])
    // The decoder of PNG may refuse it first, by a bound of its own.
    switch reason(png.bytes) {
    case .tooWide(8_388_618, _), .undecodable: break
    case let other: Issue.record("\(String(describing: other))")
    }
  }

  @Test func aTIFFOfMoreBytesThanItsFileCanHoldIsRefused() {
    for (width, height) in [(8_323_082, 12), (16_000, 16_000), (100_000, 2_000)] {
      switch reason(promisingTIFF(width: width, height: height)) {
      case .tooWide(width, _): #expect(width > 1 << 17)
      case .undecodable(let why): #expect(why.contains("more than a file of"))
      case let other: Issue.record("\(width) x \(height): \(String(describing: other))")
      }
    }
  }

  @Test func sixteenBitsCountTwice() throws {
    // 100 million bytes of grey are let through to the decoder, twice as many are not.
    let narrow = TinyPNG(width: 10_000, height: 10_000, depth: 8, colorType: 0, rows: [[0]])
    #expect(try PictureReader(decoding: narrow.bytes).width == 10_000)
    guard case .undecodable = reason(TinyPNG(width: 10_000, height: 10_000, depth: 16, colorType: 0, rows: [[0]]).bytes) else {
      Issue.record("200 MB of samples were accepted of a file of 100 bytes")
      return
    }
  }

  @Test func aHugeTileOfASmallTIFFIsRefused() {
    for side in [16_384, 40_000, 65_536] {
      let entries = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (277, 1), (284, 1), (322, side), (323, side), (324, 8), (325, 3)]
      switch reason(tiff(entries)) {
      case .tooLarge, .undecodable: break
      case let other: Issue.record("tiles of \(side) x \(side): \(String(describing: other))")
      }
    }
  }

  /// An uncompressed TIFF in colour, in one strip of which three bytes are there.
  private func promisingTIFF(width: Int, height: Int) -> [UInt8] {
    tiff([(256, width), (257, height), (258, 8), (259, 1), (262, 2), (273, 8), (277, 3), (278, height), (279, 3), (284, 1)])
  }

  /// A TIFF of these tags and numbers, with three bytes of pixels at byte 8.
  private func tiff(_ entries: [(Int, Int)]) -> [UInt8] {
    func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
    func entry(_ tag: Int, _ value: Int) -> [UInt8] { little(tag, 2) + little(4, 2) + little(1, 4) + little(value, 4) }
    return [0x49, 0x49, 42, 0] + little(12, 4) + [1, 2, 3, 0] + little(entries.count, 2) + entries.flatMap { entry($0.0, $0.1) }
      + little(0, 4)
  }
}
