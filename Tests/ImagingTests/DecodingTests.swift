import Foundation
import Imaging
import Testing

@Suite("Reading pictures") struct DecodingTests {
  @Test(arguments: [1, 2, 3, 4]) func aPNGGivesBackExactlyWhatWasWritten(channels: Int) throws {
    let folder = try Folder()
    let image = patterned(width: 13, height: 7, channels: channels)
    try image.write(to: folder.file("picture.png"))
    #expect(try Image(file: folder.file("picture.png")) == image)
  }

  @Test func sixteenBitsBecomeTheNearestOfEight() throws {
    let row: [UInt8] = [0x00, 0x80, 0x00, 0x81, 0x80, 0x00, 0xFF, 0xFF]  // by 257: 0.498, 0.502, 127.502, 255
    let grey = TinyPNG(width: 4, height: 1, depth: 16, colorType: 0, rows: [row])
    #expect(try Image(decoding: grey.bytes).bytes == [0, 1, 128, 255])
    let color = TinyPNG(width: 1, height: 1, depth: 16, colorType: 2, rows: [Array(row[..<6])])
    #expect(try Image(decoding: color.bytes).bytes == [0, 1, 128])
  }

  @Test func aPaletteIsResolvedToItsColors() throws {
    let png = TinyPNG(
      width: 2, height: 2, depth: 1, colorType: 3, palette: [10, 20, 30, 200, 100, 50], rows: [[0b0100_0000], [0b1000_0000]])
    let expected: [UInt8] = [10, 20, 30, 200, 100, 50, 200, 100, 50, 10, 20, 30]
    #expect(try Image(decoding: png.bytes) == Image(width: 2, height: 2, channels: 3, bytes: expected))
  }

  @Test func oneBitGreyBecomesBlackAndWhite() throws {
    let png = TinyPNG(width: 4, height: 1, depth: 1, colorType: 0, rows: [[0b1010_0000]])
    #expect(try Image(decoding: png.bytes).bytes == [255, 0, 255, 0])
  }

  @Test func aPhotographIsTurnedUprightAsItsEXIFBlockSays() throws {
    // Dark above, light below, as the sensor saw it; orientation 6 says: turn it clockwise to look at it.
    var seen = Image(width: 16, height: 32, color: [10])
    seen.paste(Image(width: 16, height: 16, color: [240]), row: 16, column: 0)
    let upright = try Image(decoding: withOrientation(6, seen.encoded(as: .jpeg)))
    #expect(upright.width == 32 && upright.height == 16)
    #expect(upright[8, 4] > 200 && upright[8, 28] < 50)
    #expect(try Image(decoding: withOrientation(1, seen.encoded(as: .jpeg))).width == 16)
  }

  @Test func cmykBecomesRGB() throws {
    let image = try Image(decoding: cmykTIFF(width: 4, height: 2, color: [0, 255, 255, 0]))
    #expect(image.width == 4 && image.height == 2 && image.channels == 3)
    #expect(image[1, 3, 0] > 180 && image[1, 3, 1] < 90 && image[1, 3, 2] < 90, "red ink is not red: \(image.bytes)")
  }

  @Test func manyPicturesAtATimeComeOutWhole() async throws {
    let images = (1...24).map { patterned(width: 10 + $0, height: 31 - $0, channels: 1 + $0 % 4) }
    let encoded = try images.map { try $0.encoded() }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for (image, bytes) in zip(images, encoded) { group.addTask { try Image(decoding: bytes) == image } }
      for try await same in group { #expect(same) }
    }
  }
}

@Suite("Pictures that cannot be read") struct UnreadablePictureTests {
  private func reason(_ work: () throws -> Image) -> ImagingError.Problem? {
    #expect(throws: ImagingError.self) { try work() }?.problem
  }

  @Test func everyTruncationOfAPNGIsRefused() throws {
    let whole = try patterned(width: 40, height: 40, channels: 3).encoded()
    // The last 12 bytes are the chunk that says that nothing follows; without it every pixel is still there.
    for count in stride(from: 1, to: whole.count - 12, by: 97) {
      #expect(throws: ImagingError.self, "\(count) of \(whole.count) bytes") { try Image(decoding: Array(whole[..<count])) }
    }
  }

  @Test func aTruncatedJPEGIsRefusedAndNotFilledUpWithGrey() throws {
    let whole = try patterned(width: 64, height: 64, channels: 3).encoded(as: .jpeg)
    guard case .undecodable(let why) = reason({ try Image(decoding: Array(whole[..<(whole.count / 2)])) }) else {
      Issue.record("half a JPEG was read")
      return
    }
    #expect(!why.isEmpty)
  }

  @Test func aDamagedPNGIsRefused() throws {
    var bytes = try patterned(width: 40, height: 40, channels: 3).encoded()
    for index in (bytes.count / 2)..<(bytes.count / 2 + 20) { bytes[index] ^= 0x55 }
    #expect(throws: ImagingError.self) { try Image(decoding: bytes) }
  }

  @Test func textIsNotAPicture() throws {
    let folder = try Folder()
    let file = try folder.write(Array("hello, this is a letter and no picture".utf8), to: "letter.png")
    let error = #expect(throws: ImagingError.self) { try Image(file: file) }
    #expect(error == ImagingError(file: file, .notAPicture(.text("'hello, this is a letter and no picture'"))))
    #expect(
      error?.description
        == "\(file): is plain text: 'hello, this is a letter and no picture'; expected a picture; if it was downloaded, that may be an error message of"
        + " the server; download it again")
  }

  @Test func anEmptyFileIsCalledEmpty() throws {
    let folder = try Folder()
    let empty = try folder.write([], to: "nothing.png")
    let error = #expect(throws: ImagingError.self) { try Image(file: empty) }
    #expect(error?.description == "\(empty): is empty, expected a picture")
  }

  @Test func aMissingFileAndAFolderAreNamedAsWhatTheyAre() throws {
    let folder = try Folder()
    let missing = #expect(throws: ImagingError.self) { try Image(file: folder.file("missing.png")) }
    #expect(missing?.description == "\(folder.file("missing.png")): there is no such file")
    let directory = #expect(throws: ImagingError.self) { try Image(file: folder.path) }
    #expect(directory?.description == "\(folder.path): cannot be read: it is a folder")
  }

  @Test func aHeaderThatPromisesTooMuchIsRefusedBeforeDecoding() throws {
    // 400 MB of pixels promised by 80 bytes of file.
    let png = TinyPNG(width: 20_000, height: 20_000, depth: 8, colorType: 0, rows: [[0]])
    #expect(
      reason { try Image(decoding: png.bytes) } == .tooLarge(width: 20_000, height: 20_000, limit: Image.pixelLimit))
  }

  @Test func failuresAtTheSameTimeKeepTheirOwnMessages() async throws {
    let png = try patterned(width: 40, height: 40, channels: 3).encoded()
    let jpeg = try patterned(width: 64, height: 64, channels: 3).encoded(as: .jpeg)
    await withTaskGroup(of: (isPNG: Bool, message: String).self) { group in
      for index in 0..<32 {
        let source = index % 2 == 0 ? png : jpeg
        group.addTask {
          let error = #expect(throws: ImagingError.self) { try Image(decoding: Array(source[..<(source.count / 2)])) }
          return (index % 2 == 0, error.map { "\($0)".lowercased() } ?? "")
        }
      }
      for await (isPNG, message) in group {
        #expect(message.contains(isPNG ? "png" : "jpeg") && !message.contains(isPNG ? "jpeg" : "png"), "\(message)")
      }
    }
  }
}
