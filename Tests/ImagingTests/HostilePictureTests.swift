import Foundation
import Imaging
import Testing

@Suite("Hostile pictures") struct HostilePictureTests {
  private static let formats: [ImageFormat] = [.png, .jpeg(quality: 60), .webp, .webpLossless, .gif]

  @Test(arguments: formats) func aPictureTruncatedAtAnyByteIsWholeOrRefused(format: ImageFormat) throws {
    let encoded = try smooth(width: 12, height: 10, channels: 3).encoded(as: format)
    let whole = try Image(decoding: encoded)
    var accepted = 0
    for count in 0..<encoded.count {
      let cut = Array(encoded[..<count])
      let image = try readable { try Image(decoding: cut) }
      let part = try readable { try PictureReader(decoding: cut).image(row: 0, column: 0, width: 5, height: 5) }
      #expect(image == nil || image == whole, "\(count) of \(encoded.count) bytes")
      #expect(part == image?.cropped(row: 0, column: 0, width: 5, height: 5), "\(count) of \(encoded.count) bytes")
      accepted += image == nil ? 0 : 1
    }
    // What ends a file after its last pixel: a PNG's IEND chunk with the sum of the one before, two bytes of a JPEG, one of a GIF.
    #expect(accepted <= 20, "\(accepted) cut files were taken")
  }

  @Test(arguments: formats) func anyChangedByteGivesAPictureOfThatSizeOrAnError(format: ImageFormat) throws {
    let encoded = try smooth(width: 24, height: 20, channels: 3).encoded(as: format)
    for index in stride(from: 0, to: encoded.count, by: max(1, encoded.count / 250)) {
      var damaged = encoded
      damaged[index] ^= 0xA5
      do {
        let image = try Image(decoding: damaged)
        #expect(image.width * image.height <= Image.pixelLimit)
      } catch is ImagingError {}
    }
  }

  @Test(arguments: [(60_000, 60_000), (2_000_000_000, 2), (1, 2_147_483_647), (16_385, 16_384)])
  func headersThatPromiseTooMuchAreRefusedFromTheHeader(width: Int, height: Int) {
    let png = TinyPNG(width: width, height: height, depth: 8, colorType: 6, rows: [[0]])
    let error = #expect(throws: ImagingError.self) { try PictureReader(decoding: png.bytes) }
    switch error?.problem {
    case .tooLarge(let seenWidth, let seenHeight, _): #expect(seenWidth == width && seenHeight == height)
    case .undecodable: break  // sides beyond what the decoder itself takes
    default: Issue.record("\(width) x \(height): \(String(describing: error))")
    }
  }

  @Test func aTinyFileWithinTheLimitByItsHeaderIsRefusedForItsPixels() throws {
    let png = TinyPNG(width: 11_000, height: 11_000, depth: 8, colorType: 0, rows: [[0]])
    let reader = try PictureReader(decoding: png.bytes)
    #expect(reader.width == 11_000 && reader.height == 11_000)
    #expect(throws: ImagingError.self) { try reader.image(row: 8000, column: 8000, width: 9, height: 9) }
  }

  @Test func aJPEGHeaderOf65KSidesIsRefused() throws {
    var jpeg = try smooth(width: 16, height: 16, channels: 3).encoded(as: .jpeg)
    let frame = try #require(jpeg.indices.dropLast(9).first { jpeg[$0] == 0xFF && [0xC0, 0xC1, 0xC2].contains(jpeg[$0 + 1]) })
    jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0xEA, 0x60, 0xEA, 0x60])
    #expect(
      #expect(throws: ImagingError.self) { try PictureReader(decoding: jpeg) }?.problem
        == .tooLarge(width: 60_000, height: 60_000, limit: Image.pixelLimit))
  }

  @Test func anAnimationOfMoreThanTheLimitIsRefusedAsOne() throws {
    // Two frames of 16,383 x 16,383, each within the limit, whose pixels are not even there.
    let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 0xFF, 0x3F, 0xFF, 0x3F, 0, 2, 1, 0x2C, 0]
    let canvas: [UInt8] = [0xFF, 0x3F, 0xFF, 0x3F, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]
    let gif = Array("GIF89a".utf8) + canvas + frame + frame + [0x3B]
    let folder = try Folder()
    let file = try folder.write(gif, to: "a.gif")
    let error = #expect(throws: ImagingError.self) { try Animation(file: file) }
    // A frame alone is more than a file of 48 bytes can hold; the two together are too large for any file.
    guard case .undecodable(let why) = error?.problem else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(why.contains("more than a file of \(gif.count) bytes can hold"))
  }

  @Test func hugeTextAndProfileChunksAreHarmless() throws {
    let row = [UInt8](repeating: 90, count: 4)
    let plain = TinyPNG(width: 4, height: 1, depth: 8, colorType: 0, rows: [row])
    let filler = [UInt8](repeating: 65, count: 3_000_000)
    for chunk in ["tEXt", "eXIf", "prVt"] {
      var heavy = plain
      heavy.extra = [(chunk, Array("k".utf8) + [0] + filler)]
      #expect(try Image(decoding: heavy.bytes) == Image(decoding: plain.bytes), "\(chunk)")
    }
  }

  @Test func onlyPlainFilesAreReadAndNoneIsWaitedFor() throws {
    let folder = try Folder()
    let pipe = folder.file("pipe.png")
    #expect(mkfifo(pipe, 0o600) == 0)
    let error = #expect(throws: ImagingError.self) { try Image(file: pipe) }
    #expect(error?.description == "\(pipe): cannot be read: it is a pipe")
    let device = #expect(throws: ImagingError.self) { try PictureReader(file: "/dev/zero") }
    #expect(device?.problem == .unreadable("it is a device"))
    let animation = #expect(throws: ImagingError.self) { try Animation(file: folder.path) }
    #expect(animation?.problem == .unreadable("it is a folder"))
  }

  @Test func aLoopOfLinksIsNamedByTheSystem() throws {
    let folder = try Folder()
    try FileManager.default.createSymbolicLink(atPath: folder.file("a.png"), withDestinationPath: folder.file("b.png"))
    try FileManager.default.createSymbolicLink(atPath: folder.file("b.png"), withDestinationPath: folder.file("a.png"))
    let error = #expect(throws: ImagingError.self) { try Image(file: folder.file("a.png")) }
    #expect(error?.description == "\(folder.file("a.png")): cannot be read: too many levels of symbolic links")
  }

  @Test func aTIFFWhoseFolderPointsAtItselfIsRefused() {
    func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
    // One entry, a width, and a next folder that is this one.
    let endless =
      [0x49, 0x49, 42, 0] + little(8, 4) + little(1, 2) + little(256, 2) + little(3, 2) + little(1, 4) + little(9, 4) + little(8, 4)
    #expect(throws: ImagingError.self) { try Image(decoding: endless) }
    let nowhere = [0x49, 0x49, 42, 0] + little(0x7FFF_FFF0, 4)
    #expect(throws: ImagingError.self) { try Image(decoding: nowhere) }
  }

  /// Nil when it is refused.
  private func readable(_ work: () throws -> Image) throws -> Image? {
    do { return try work() } catch is ImagingError { return nil }
  }
}
