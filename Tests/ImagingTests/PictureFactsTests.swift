import Foundation
import Testing

@testable import Imaging

@Suite("What a file says about its picture") struct PictureFactsTests {
  @Test(arguments: [1, 15, 30, 50, 75, 90, 98, 100]) func theQualityOfAJPEGIsReadFromItsTable(quality: Int) throws {
    for channels in [1, 3] {
      let bytes = try smooth(width: 32, height: 24, channels: channels).encoded(as: .jpeg(quality: quality))
      #expect(try PictureReader(decoding: bytes).jpegQuality == quality)
    }
  }

  @Test func aTableThatIsMissingOrCutOffGivesNoQuality() throws {
    #expect(try PictureReader(decoding: smooth(width: 8, height: 8, channels: 3).encoded()).jpegQuality == nil)
    let cut: [UInt8] = [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0, 1, 2, 3]
    #expect(cut.withUnsafeBytes { JPEGQuality.estimate($0) } == nil)
    let short: [UInt8] = [0xFF, 0xD8, 0xFF, 0xDB, 0, 5, 0, 1, 2, 0xFF, 0xDA, 0, 0]
    #expect(short.withUnsafeBytes { JPEGQuality.estimate($0) } == nil)
  }

  private func profile(_ tag: String, _ content: [UInt8]) -> ICCProfile {
    let bytes =
      [UInt8](repeating: 0, count: 128) + [0, 0, 0, 1] + Array(tag.utf8) + [0, 0, 0, 144, 0, 0, 0, UInt8(content.count)] + content
    return bytes.withUnsafeBytes { ICCProfile($0) }
  }

  @Test func theCurveOfAProfileIsRecognised() {
    let curve = Array("curv".utf8) + [0, 0, 0, 0]
    #expect(profile("rTRC", curve + [0, 0, 0, 0]).curve == .linear)
    #expect(profile("rTRC", curve + [0, 0, 0, 1, 1, 0, 0, 0]).curve == .linear)
    #expect(profile("rTRC", curve + [0, 0, 0, 1, 2, 51, 0, 0]).curve == .perceptual)
    #expect(profile("rTRC", Array("para".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]).curve == .linear)
    #expect(profile("rTRC", Array("para".utf8) + [0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0]).curve == .perceptual)
    #expect(profile("cicp", Array("cicp".utf8) + [0, 0, 0, 0, 9, 16, 0, 1]).curve == .highDynamicRange)
    #expect(profile("cicp", Array("cicp".utf8) + [0, 0, 0, 0, 1, 13, 0, 1]).curve == .perceptual)
    // What is cut off, or says too much, has no curve to speak of.
    #expect(profile("rTRC", []).curve == .perceptual)
    let endless: [UInt8] =
      [UInt8](repeating: 0, count: 128) + [255, 255, 255, 255] + Array("rTRC".utf8) + [255, 255, 255, 255, 0, 0, 0, 1]
    #expect(endless.withUnsafeBytes { ICCProfile($0) }.curve == .perceptual)
  }

  @Test(arguments: UInt8(1)...8) func decodingIntoMemoryGivesTheUprightPicture(orientation: UInt8) throws {
    let jpeg = try withOrientation(orientation, smooth(width: 70, height: 45, channels: 3).encoded(as: .jpeg))
    let reader = try PictureReader(decoding: jpeg)
    var memory = [UInt8](repeating: 0, count: 70 * 45 * 3)
    try memory.withUnsafeMutableBytes { try reader.decode(into: $0, deep: false) }
    #expect(try memory == reader.image().bytes)
    let truncated = try PictureReader(decoding: jpeg.dropLast(300))
    #expect(throws: ImagingError.self) { try memory.withUnsafeMutableBytes { try truncated.decode(into: $0, deep: false) } }
  }

  @Test func aPictureInMemoryIsWrittenWithWhatAnotherFileSays() throws {
    let folder = try Folder(), source = try PictureReader(decoding: smooth(width: 8, height: 8, channels: 3).encoded(as: .jpeg))
    let picture = patterned(width: 9, height: 5, channels: 3)
    let facts = PictureMemory.Facts(try source.metadata(), keepsProfile: true, software: "Test 1", notes: ["key": "text"])
    try picture.bytes.withUnsafeBytes { bytes in
      let memory = PictureMemory(bytes, width: 9, height: 5, channels: 3, isDeep: false)
      for (name, format) in [("a.png", ImageFormat.png), ("a.tif", .tiff), ("a.webp", .webpLossless)] {
        try memory.write(to: folder.file(name), as: format, facts)
        #expect(try Image(file: folder.file(name)) == picture)
        #expect(try PictureReader(file: folder.file(name)).metadata().software?.contains("Test 1") == true, "\(name)")
      }
      #expect(try PictureNotes(ofFile: folder.file("a.png"))["key"] == "text")
      let error = #expect(throws: ImagingError.self) { try memory.write(to: folder.file("none/a.png"), as: .png, facts) }
      #expect(error?.failure == .io && error?.file == folder.file("none/a.png"))
      #expect(throws: ImagingError.self) { try memory.write(to: folder.file("a.jpg"), as: .jpeg(quality: 0), facts) }
    }
    #expect(folder.names == ["a.png", "a.tif", "a.webp"])
    let large = [UInt8](repeating: 0, count: 16_384)
    large.withUnsafeBytes { bytes in
      let memory = PictureMemory(bytes, width: 16_384, height: 1, channels: 1, isDeep: false)
      let error = #expect(throws: ImagingError.self) { try memory.write(to: folder.file("b.webp"), as: .webp, facts) }
      #expect(error?.description.contains("WebP holds at most 16383 on a side") == true)
    }
  }
}
