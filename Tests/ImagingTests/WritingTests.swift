import Foundation
import Imaging
import Testing

@Suite("Writing pictures") struct WritingTests {
  @Test func theSameImageGivesTheSameBytes() throws {
    let image = patterned(width: 50, height: 40, channels: 3)
    for format in [ImageFormat.png, .jpeg, .webp, .webpLossless, .gif] {
      #expect(try image.encoded(as: format) == image.encoded(as: format), "\(format)")
    }
  }

  @Test func compressionMakesAPNGSmallerAndNotDifferent() throws {
    let image = Image(width: 100, height: 100, color: [7, 8, 9])
    let stored = try image.encoded(as: .png(compression: 0)), small = try image.encoded(as: .png(compression: 9))
    #expect(small.count < stored.count / 10)
    #expect(try Image(decoding: small) == Image(decoding: stored))
  }

  @Test func losslessWebPGivesBackWhatWasWritten() throws {
    let image = patterned(width: 20, height: 10, channels: 3)
    #expect(try Image(decoding: image.encoded(as: .webpLossless)) == image)
  }

  @Test func aBetterJPEGQualityIsCloserAndLarger() throws {
    let image = patterned(width: 64, height: 64, channels: 1)
    let coarse = try image.encoded(as: .jpeg(quality: 10)), fine = try image.encoded(as: .jpeg(quality: 95))
    #expect(coarse.count < fine.count)
    #expect(try distance(image, Image(decoding: fine)) < distance(image, Image(decoding: coarse)))
  }

  @Test(arguments: [1, 5, 10, 25, 50, 75, 95, 100]) func jpegQualityIsOnTheScaleOfLibjpeg(quality: Int) throws {
    let bytes = try smooth(width: 16, height: 16, channels: 1).encoded(as: .jpeg(quality: quality))
    let table = try #require(bytes.indices.dropLast(69).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDB })
    // ITU-T T.81, table K.1, the first six in zigzag order, times libjpeg's percentage for a quality.
    let percentage = quality < 50 ? 5000 / quality : 200 - 2 * quality
    let expected = [16, 11, 12, 14, 12, 10].map { max(1, min(255, ($0 * percentage + 50) / 100)) }
    #expect(bytes[(table + 5)..<(table + 11)].map(Int.init) == expected)
  }

  @Test func qualitiesOutsideTheScaleAreRefused() {
    let image = Image(width: 8, height: 8, color: [0])
    for format in [ImageFormat.jpeg(quality: 0), .jpeg(quality: 101), .webp(quality: -1), .png(compression: 10)] {
      #expect(throws: ImagingError.self) { try image.encoded(as: format) }
    }
    let error = #expect(throws: ImagingError.self) { try image.throughJPEG(quality: 101) }
    #expect(error?.description == "cannot be encoded: JPEG quality 101, expected 1 to 100")
  }

  @Test(arguments: [
    (ChromaSubsampling.half, 10, 0x22), (.full, 10, 0x11), (.byQuality, 89, 0x22), (.byQuality, 90, 0x11), (.half, 95, 0x22),
  ])
  func theResolutionOfColorIsTheOneAskedFor(subsampling: ChromaSubsampling, quality: Int, factors: UInt8) throws {
    let bytes = try smooth(width: 16, height: 16, channels: 3).encoded(as: .jpeg(quality: quality, subsampling: subsampling))
    let frame = try #require(bytes.indices.dropLast(12).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    #expect(bytes[frame + 11] == factors)
  }

  @Test(arguments: 1...4) func throughJPEGTheColorsLoseAndTheRestStays(channels: Int) throws {
    let image = patterned(width: 40, height: 24, channels: channels)
    let low = try image.throughJPEG(quality: 5), high = try image.throughJPEG(quality: 95, subsampling: .full)
    for result in [low, high] {
      #expect(result.width == 40 && result.height == 24 && result.channels == channels)
      #expect(result.alpha == image.alpha)
    }
    #expect(distance(image, high) < distance(image, low))
    let colors = image.withChannels(channels < 3 ? 1 : 3)
    let written = try Image(decoding: colors.encoded(as: .jpeg(quality: 5, subsampling: .half)))
    #expect(low.withChannels(colors.channels) == written)
  }

  @Test func transparentPartsOfAJPEGAreWhite() throws {
    let clear = Image(width: 16, height: 16, color: [0, 0, 0, 0])
    let image = try Image(decoding: clear.encoded(as: .jpeg))
    #expect(image.channels == 3 && image.bytes.allSatisfy { $0 > 250 })
  }

  @Test func theNameOfTheFileChoosesTheFormat() throws {
    #expect(try ImageFormat(forFile: "a/b.PNG") == .png)
    #expect(try ImageFormat(forFile: "b.jpeg") == .jpeg)
    #expect(try ImageFormat(forFile: "b.tar.webp") == .webp)
    let error = #expect(throws: ImagingError.self) { try ImageFormat(forFile: "b.bmp") }
    #expect(
      error?.description
        == "b.bmp: cannot be encoded: no format is known by the ending '.bmp'; .png, .jpg, .webp, .gif and .tif are")
    #expect(throws: ImagingError.self) { try ImageFormat(forFile: "samples") }
  }

  @Test func nothingButTheFileIsLeftBehind() throws {
    let folder = try Folder()
    try patterned(width: 4, height: 4, channels: 1).write(to: folder.file("a.png"))
    try patterned(width: 5, height: 5, channels: 1).write(to: folder.file("a.png"))
    #expect(folder.names == ["a.png"])
    #expect(try Image(file: folder.file("a.png")).width == 5)
  }

  @Test func anEarlierFileSurvivesAPictureThatCannotBeEncoded() throws {
    let folder = try Folder()
    let file = try folder.write([1, 2, 3], to: "a.webp")
    // WebP holds sides of at most 16,383 pixels.
    #expect(throws: ImagingError.self) { try Image(width: 17_000, height: 1, color: [0]).write(to: file) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data([1, 2, 3]))
    #expect(folder.names == ["a.webp"])
  }

  @Test func aTargetThatCannotBeWrittenIsNamedWithTheReason() throws {
    let folder = try Folder()
    let image = patterned(width: 4, height: 4, channels: 1)
    let missing = #expect(throws: ImagingError.self) { try image.write(to: folder.file("no/such/a.png")) }
    #expect(missing?.description == "\(folder.file("no/such/a.png")): cannot be written: no such file or directory")

    try FileManager.default.createDirectory(atPath: folder.file("b.png"), withIntermediateDirectories: false)
    let directory = #expect(throws: ImagingError.self) { try image.write(to: folder.file("b.png")) }
    #expect(directory?.problem == .unwritable("it is a folder"))
    #expect(folder.names == ["b.png"])
  }

  @Test(.timeLimit(.minutes(1))) func aDeviceIsWrittenAsItStandsAndAPipeRefused() throws {
    let folder = try Folder(), image = patterned(width: 4, height: 4, channels: 1)
    try FileManager.default.createSymbolicLink(atPath: folder.file("null.png"), withDestinationPath: "/dev/null")
    try image.write(to: folder.file("null.png"))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("null.png")) == "/dev/null")
    #expect(mkfifo(folder.file("pipe.png"), 0o600) == 0)
    let error = #expect(throws: ImagingError.self) { try image.write(to: folder.file("pipe.png")) }
    #expect(error?.description.contains("pipe.png: cannot be written: it is a pipe") == true, "\(String(describing: error))")
    #expect(folder.names.sorted() == ["null.png", "pipe.png"])
  }

  @Test func ofALinkTheFileIsReplacedThatItLeadsTo() throws {
    let folder = try Folder()
    let file = try folder.write([1], to: "a.png")
    try FileManager.default.createSymbolicLink(atPath: folder.file("link.png"), withDestinationPath: file)
    try patterned(width: 4, height: 4, channels: 1).write(to: folder.file("link.png"))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link.png")) == file)
    #expect(try Image(file: file).width == 4)
  }

  #if os(Linux)
    @Test func aFullDiskIsReported() throws {
      let error = #expect(throws: ImagingError.self) {
        try patterned(width: 4, height: 4, channels: 1).write(to: "/dev/full", as: .png)
      }
      #expect(error?.description == "/dev/full: cannot be written: no space left on device")
    }
  #endif

  private func distance(_ a: Image, _ b: Image) -> Int {
    zip(a.bytes, b.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
  }
}

@Suite("Animations") struct AnimationTests {
  private let frames = (0..<5).map { Image(width: 8, height: 6, color: [UInt8(50 * $0)]) }

  @Test(arguments: ["gif", "webp"]) func everyFrameAndItsTimeComeBack(ending: String) throws {
    let folder = try Folder()
    let file = folder.file("a.\(ending)")
    try Animation(frames: frames, delay: 40, hold: 1500, loop: 3).write(to: file)
    let back = try Animation(file: file)
    #expect(back.frames.count == 5)
    #expect(back.delays == [40, 40, 40, 40, 1500])
    #expect(back.loop == 3)
    for (frame, original) in zip(back.frames, frames) {
      #expect(frame.width == 8 && frame.height == 6)
      #expect(abs(Int(frame[3, 4]) - Int(original[3, 4])) <= 4)
    }
  }

  @Test func aPictureThatDoesNotMoveHasOneFrame() throws {
    let folder = try Folder()
    try frames[2].write(to: folder.file("a.png"))
    #expect(try Animation(file: folder.file("a.png")).frames == [frames[2]])
  }

  @Test func greysOfAGIFStayWithinOneStep() throws {
    let ramp = Image(width: 16, height: 16, channels: 1, bytes: (0..<256).map(UInt8.init))
    let back = try Image(decoding: ramp.encoded(as: .gif)).withChannels(1)
    #expect(zip(ramp.bytes, back.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 2 })
  }

  @Test func framesOfDifferentShapeAreRefused() {
    let error = #expect(throws: ImagingError.self) {
      try Animation(frames: [frames[0], Image(width: 8, height: 7, color: [0])])
    }
    #expect(
      error?.description
        == "frame 1 of an animation is 8 x 7 pixels with 1 channel, expected 8 x 6 pixels with 1 channel like the first")
    #expect(throws: ImagingError.self) { try Animation(frames: []) }
    #expect(throws: ImagingError.self) { try Animation(frames: frames, delay: 0) }
  }

  @Test func aFormatWithoutAnimationIsRefused() throws {
    let animation = try Animation(frames: frames)
    #expect(throws: ImagingError.self) { try animation.encoded(as: .png) }
  }
}
