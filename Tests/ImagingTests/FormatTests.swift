import Foundation
import Imaging
import Testing

/// Pictures that `Tests/Fixtures/imaging/formats.py` made with Pillow, and what Pillow decodes them to.
private struct FormatFixture: Decodable, Sendable {
  var file: Data
  var channels: Int?
  var pixels: Data?

  var bytes: [UInt8] { [UInt8](file) }

  static let all: [String: FormatFixture] = {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    do {
      let data = try Data(contentsOf: tests.appendingPathComponent("Fixtures/imaging/formats.json"))
      return try JSONDecoder().decode([String: FormatFixture].self, from: data)
    } catch { fatalError("Fixtures/imaging/formats.json: \(error)") }
  }()
  static var withPixels: [String] { all.filter { $0.value.pixels != nil }.keys.sorted() }
}

@Suite("Formats of pictures") struct FormatTests {
  @Test(arguments: FormatFixture.withPixels)
  func everyFormatGivesThePixelsOfItsDecoder(name: String) throws {
    let fixture = try #require(FormatFixture.all[name])
    let expected = try Image(
      width: 24, height: 16, channels: #require(fixture.channels), bytes: [UInt8](#require(fixture.pixels)))
    let image = try Image(decoding: fixture.bytes)
    // Later frames of the GIF have holes, so that all of it has alpha; Pillow keeps what lies under full transparency.
    let colors = name == "gif_animated" ? image.withChannels(3) : image
    #expect(colors.seen == expected.seen)
    let reader = try PictureReader(decoding: fixture.bytes)
    #expect(reader.channels == image.channels)
    #expect(try reader.image(row: 5, column: 7, width: 9, height: 8) == image.cropped(row: 5, column: 7, width: 9, height: 8))
  }

  @Test(arguments: ["jpeg_cmyk", "jpeg_ycck", "avif"]) func otherColorCodingsBecomeRGB(name: String) throws {
    let image = try Image(decoding: #require(FormatFixture.all[name]).bytes)
    #expect(image.width == 24 && image.height == 16 && image.channels == 3)
    if name != "jpeg_ycck" {  // whose numbers mean other colours
      #expect(image[12, 22, 0] > 180 && image[4, 22, 1] < 110, "not red on the right: \(image[12, 22, 0]), \(image[4, 22, 1])")
      #expect(image[1, 1, 0] > 200 && image[1, 1, 1] > 200 && image[1, 1, 2] > 200, "the square is not bright")
    }
  }

  @Test func picturesThatAnImageCannotHoldAreNamed() throws {
    let float = try #require(FormatFixture.all["tiff_float"]).bytes
    let error = #expect(throws: ImagingError.self) { try Image(decoding: float, name: "depth.tif") }
    #expect(
      error?.description == "depth.tif: cannot be used: its samples are not whole numbers of 8 or 16 bits from 0 up")
  }

  @Test func aFileOfACodingWithoutDecoderIsNamedByIt() throws {
    // The AVIF with the brand of HEIC: its coding, HEVC, is one that libvips is mostly built without.
    var heic = try #require(FormatFixture.all["avif"]).bytes
    heic.replaceSubrange(8..<12, with: Array("heic".utf8))
    for (old, new) in [("av01", "hvc1"), ("av1C", "hvcC")] {
      let found = try #require(heic.indices.first { heic[$0...].starts(with: old.utf8) })
      heic.replaceSubrange(found..<(found + 4), with: Array(new.utf8))
    }
    let error = #expect(throws: ImagingError.self) { try Image(decoding: heic, name: "a.heic") }
    #expect(error?.description.hasPrefix("a.heic: cannot be used: it is HEIC, which this libvips cannot read; ") == true)
    #expect(error?.description.hasSuffix("; save it as JPEG or PNG") == true)
  }

  @Test func theContentCountsAndNotTheName() throws {
    let folder = try Folder()
    let image = smooth(width: 20, height: 10, channels: 3)
    let file = try folder.write(image.encoded(as: .webpLossless), to: "photo.jpg")
    #expect(try Image(file: file) == image)
    #expect(try PictureReader(file: file).format == .webp)
  }

  @Test func aFilmThatBeginsLikeAnAVIFIsNotAPicture() {
    let film: [UInt8] = [0, 0, 0, 24] + Array("ftypisom".utf8) + [0, 0, 2, 0] + Array("isommp42".utf8) + [0, 0, 0, 0]
    #expect(#expect(throws: ImagingError.self) { try Image(decoding: film) }?.problem == .notAPicture(.film))
  }

  @Test(arguments: [1, 2, 4, 8] as [UInt8]) func greysAndPalettesOfEveryDepth(depth: UInt8) throws {
    let count = min(1 << Int(depth), 16), packed = pack((0..<count).map { UInt8($0) }, depth: Int(depth))
    let grey = TinyPNG(width: count, height: 1, depth: depth, colorType: 0, rows: [packed])
    let largest = (1 << Int(depth)) - 1
    #expect(try Image(decoding: grey.bytes).bytes == (0..<count).map { UInt8($0 * 255 / largest) })

    let palette = (0..<(3 * count)).map { UInt8($0 * 5) }
    var colors = TinyPNG(width: count, height: 1, depth: depth, colorType: 3, palette: palette, rows: [packed])
    #expect(try Image(decoding: colors.bytes).bytes == palette)
    colors.extra = [("tRNS", [0, 128])]
    let opacities: [UInt8] = (0..<count).map { $0 < 2 ? UInt8($0 * 128) : 255 }
    var expected: [UInt8] = []
    for index in 0..<count { expected += palette[(3 * index)..<(3 * index + 3)] + [opacities[index]] }
    #expect(try Image(decoding: colors.bytes).bytes == expected)
  }

  @Test func sixteenBitsWithAlphaBecomeTheNearestOfEight() throws {
    let pixel: [UInt8] = [0x80, 0x00, 0x00, 0x81]
    let greyAlpha = TinyPNG(width: 1, height: 1, depth: 16, colorType: 4, rows: [pixel])
    #expect(try Image(decoding: greyAlpha.bytes) == Image(width: 1, height: 1, color: [128, 1]))
    let rgba = TinyPNG(width: 1, height: 1, depth: 16, colorType: 6, rows: [pixel + [0xFF, 0xFF] + [0x00, 0x80]])
    #expect(try Image(decoding: rgba.bytes) == Image(width: 1, height: 1, color: [128, 1, 255, 0]))
  }

  @Test func anInterlacedPictureIsTheSameInWholeAndInPart() throws {
    let image = patterned(width: 11, height: 9, channels: 3)
    let png = TinyPNG(
      width: 11, height: 9, depth: 8, colorType: 2, interlaced: true, rows: adam7(image)
    )
    #expect(try Image(decoding: png.bytes) == image)
    let part = try PictureReader(decoding: png.bytes).image(row: 4, column: 2, width: 5, height: 3)
    #expect(part == image.cropped(row: 4, column: 2, width: 5, height: 3))
  }

  @Test func bytesAfterTheEndAreHarmless() throws {
    let image = patterned(width: 9, height: 9, channels: 4)
    for spare in [1, 8, 12, 5000] {
      let bytes = try image.encoded() + [UInt8](repeating: 7, count: spare)
      #expect(try Image(decoding: bytes) == image)
      #expect(
        try PictureReader(decoding: bytes).image(row: 2, column: 2, width: 3, height: 3)
          == image.cropped(row: 2, column: 2, width: 3, height: 3))
    }
    let jpeg = try smooth(width: 20, height: 20, channels: 3).encoded(as: .jpeg)
    #expect(try Image(decoding: jpeg + [UInt8](repeating: 7, count: 999)) == Image(decoding: jpeg))
  }

  @Test func aBrokenProfileIsPassedOver() throws {
    let row = [UInt8](repeating: 200, count: 6)
    let plain = TinyPNG(width: 2, height: 1, depth: 8, colorType: 2, rows: [row])
    var broken = plain
    broken.extra = [("iCCP", Array("x".utf8) + [0, 0] + TinyPNG.zlibStored([UInt8](repeating: 9, count: 300)))]
    #expect(try Image(decoding: broken.bytes) == Image(decoding: plain.bytes))
    broken.extra = [("iCCP", [1, 2, 3])]
    #expect(try Image(decoding: broken.bytes) == Image(decoding: plain.bytes))
  }

  @Test func colorsWithAProfileAreConvertedUnlessItIsIgnored() throws {
    // A profile whose red and blue primaries are exchanged: what it calls red is sRGB's blue.
    let png = TinyPNG(
      width: 1, height: 1, depth: 8, colorType: 2,
      extra: [("iCCP", Array("x".utf8) + [0, 0] + TinyPNG.zlibStored(profileWithRedAndBlueExchanged()))], rows: [[250, 120, 60]])
    let ignored = try PictureReader(decoding: png.bytes, profiles: .ignored)
    #expect(try ignored.image().bytes == [250, 120, 60])
    let converted = try Image(decoding: png.bytes)
    // Its curve, a gamma of 2.2, differs from sRGB's by a few levels.
    #expect(zip(converted.bytes, [60, 120, 250]).allSatisfy { abs(Int($0.0) - Int($0.1)) <= 6 }, "\(converted.bytes)")
  }
}

extension Image {
  /// Black where nothing is seen.
  fileprivate var seen: Image {
    guard hasAlpha else { return self }
    var result = self
    for row in 0..<height {
      for column in 0..<width where self[row, column, channels - 1] == 0 {
        for c in 0..<(channels - 1) { result[row, column, c] = 0 }
      }
    }
    return result
  }
}

/// Samples of 1, 2, 4 or 8 bits in bytes, the first in the highest bits.
private func pack(_ samples: [UInt8], depth: Int) -> [UInt8] {
  stride(from: 0, to: samples.count, by: 8 / depth).map { start in
    (0..<(8 / depth)).reduce(0) { byte, index in
      let sample = start + index < samples.count ? samples[start + index] : 0
      return byte | sample << UInt8(8 - depth * (index + 1))
    }
  }
}

/// The rows of the seven pictures in which an interlaced PNG keeps its pixels.
private func adam7(_ image: Image) -> [[UInt8]] {
  let passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
  return passes.flatMap { top, left, down, right in
    stride(from: top, to: image.height, by: down).map { row in
      stride(from: left, to: image.width, by: right).flatMap { column in
        (0..<image.channels).map { image[row, column, $0] }
      }
    }
  }
}

/// An ICC profile of version 2 with sRGB's primaries, red and blue exchanged, and a gamma of 2.2.
private func profileWithRedAndBlueExchanged() -> [UInt8] {
  func number(_ value: Int) -> [UInt8] { stride(from: 24, through: 0, by: -8).map { UInt8(value >> $0 & 255) } }
  func tag(_ type: String, _ content: [UInt8]) -> [UInt8] { Array(type.utf8) + number(0) + content }
  func xyz(_ values: [Double]) -> [UInt8] { tag("XYZ ", values.flatMap { number(Int($0 * 65536)) }) }
  let red = [0.4361, 0.2225, 0.0139], green = [0.3851, 0.7169, 0.0971], blue = [0.1431, 0.0606, 0.7141]
  let gamma = tag("curv", number(1) + [0x02, 0x33, 0, 0])
  let name = tag("desc", number(5) + Array("test".utf8) + [UInt8](repeating: 0, count: 79))
  let tags: [(String, [UInt8])] = [
    ("desc", name), ("cprt", tag("text", Array("none".utf8))), ("wtpt", xyz([0.9642, 1, 0.8249])),
    ("rXYZ", xyz(blue)), ("gXYZ", xyz(green)), ("bXYZ", xyz(red)), ("rTRC", gamma), ("gTRC", gamma), ("bTRC", gamma),
  ]
  var table = number(tags.count), content: [UInt8] = []
  for (tag, data) in tags {
    table += Array(tag.utf8) + number(128 + 4 + 12 * tags.count + content.count) + number(data.count)
    content += data + [UInt8](repeating: 0, count: (4 - data.count % 4) % 4)
  }
  let size = 128 + table.count + content.count
  var header = number(size) + Array("none".utf8) + number(0x0240_0000) + Array("mntrRGB XYZ ".utf8)
  header += [UInt8](repeating: 0, count: 12) + Array("acsp".utf8) + [UInt8](repeating: 0, count: 28)
  header += number(0xF6D6) + number(0x10000) + number(0xD32D)
  return header + [UInt8](repeating: 0, count: 128 - header.count) + table + content
}
