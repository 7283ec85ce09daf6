import Foundation
import Testing

@testable import Imaging

@Suite("Pictures of 16 bits a sample") struct DeepImageTests {
  private let folder: Folder
  init() throws { folder = try Folder() }

  /// Every sample another, and none that 8 bits could hold.
  private func patterned(_ width: Int, _ height: Int, channels: Int) -> DeepImage {
    let samples = (0..<(width * height * channels)).map { UInt16(truncatingIfNeeded: $0 &* 2111 &+ 77) }
    return DeepImage(width: width, height: height, channels: channels, samples: samples)
  }

  @Test(arguments: 1...4) func whatIsWrittenIsReadAgain(channels: Int) throws {
    let image = patterned(9, 7, channels: channels)
    for path in [folder.file("a.png"), folder.file("a.tif")] {
      try image.write(to: path)
      let reader = try PictureReader(file: path)
      #expect(reader.isDeep && reader.channels == channels)
      #expect(try reader.deepImage() == image)
      #expect(try reader.image() == image.narrowed)
    }
  }

  @Test func formatsOf8BitsAreRefused() throws {
    let error = #expect(throws: ImagingError.self) { try patterned(3, 3, channels: 1).write(to: folder.file("a.jpg")) }
    #expect(error?.description.hasSuffix("16 bits a sample are written as PNG and TIFF only") == true && folder.names.isEmpty)
  }

  @Test func picturesOf8BitsAreNotDeep() throws {
    let path = folder.file("a.png")
    try Imaging.Image(width: 3, height: 3, color: [1, 2, 3]).write(to: path)
    let reader = try PictureReader(file: path)
    #expect(!reader.isDeep)
    #expect(throws: ImagingError.self) { try reader.deepImage() }
  }

  @Test func aGreymapKeepsItsSamples() throws {
    let reader = try PictureReader(decoding: Array("P5\n2 2\n65535\n".utf8) + [0, 0, 0x80, 0x81, 0x12, 0x34, 0xFF, 0xFF])
    #expect(reader.isDeep)
    #expect(try reader.deepImage().samples == [0, 0x8081, 0x1234, 0xFFFF])
    // 4095 is white, as in a scan of 12 bits.
    let scan = try PictureReader(decoding: Array("P2 3 1 4095 0 2048 4095".utf8))
    #expect(try scan.deepImage().samples == [0, 32_776, 65_535])
    #expect(try !PictureReader(decoding: Array("P5\n1 1\n255\n".utf8) + [7]).isDeep)
  }

  /// Alike in both depths: samples that are multiples of 257 are exact in 8 bits.
  @Test(arguments: 1...8) func everyOrientationIsTurnedAsIn8Bits(code: Int) {
    let small = ImagingTests.patterned(width: 5, height: 3, channels: 3), orientation = EXIFOrientation(code)
    let deep = DeepImage(width: 5, height: 3, channels: 3, samples: small.bytes.map { UInt16($0) * 257 })
    #expect(deep.turned(orientation).narrowed == small.turned(orientation))
  }

  @Test func partsChannelsAndOpacityAreThoseOf8Bits() throws {
    for channels in 1...4 {
      let small = ImagingTests.patterned(width: 6, height: 5, channels: channels)
      let deep = DeepImage(width: 6, height: 5, channels: channels, samples: small.bytes.map { UInt16($0) * 257 })
      #expect(deep.cropped(row: 1, column: 2, width: 3, height: 2).narrowed == small.cropped(row: 1, column: 2, width: 3, height: 2))
      for count in 1...4 { #expect(deep.withChannels(count).narrowed == small.withChannels(count)) }
      #expect(deep.alpha?.narrowed == small.alpha)
      #expect(deep.mirrored(toMultiplesOf: 4).narrowed == small.mirrored(toMultiplesOf: 4))
      if let alpha = deep.alpha { #expect(deep.withAlpha(alpha) == deep) }
      var pasted = DeepImage(width: 8, height: 8, channels: channels)
      pasted.paste(deep, row: 2, column: 1)
      #expect(pasted.cropped(row: 2, column: 1, width: 6, height: 5) == deep)
    }
  }

  @Test func opacityIsResampledLikeThatOf8Bits() throws {
    let small = smooth(width: 20, height: 12, channels: 1)
    let deep = DeepImage(width: 20, height: 12, channels: 1, samples: small.bytes.map { UInt16($0) * 257 })
    let resized = try deep.resizedAlpha(width: 40, height: 24).narrowed, expected = try small.resized(width: 40, height: 24)
    // The 8-bit result is rounded twice.
    #expect(zip(resized.bytes, expected.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    let opaque = DeepImage(width: 4, height: 4, channels: 1, samples: [UInt16](repeating: .max, count: 16))
    #expect(try opaque.resizedAlpha(width: 16, height: 8).samples.allSatisfy { $0 == .max })
  }
}
