internal import CVips

/// Pictures shown one after the other.
public struct Animation: Sendable, Equatable {
  /// All of one size and one number of channels.
  public let frames: [Image]
  /// How long each is shown, in milliseconds. GIF keeps hundredths of a second.
  public let delays: [Int]
  /// How often the animation is repeated; 0 for an endless loop.
  public let loop: Int

  /// - Parameters:
  ///   - frames: at least one; all of one size and one number of channels.
  ///   - delay: milliseconds for each frame. Browsers show less than 20 as 100.
  ///   - hold: milliseconds for the last frame, usually the result; as the others when not given.
  ///   - loop: how often the animation is repeated; 0 for an endless loop.
  /// - Throws: `ImagingError` when there is no frame, when frames differ in shape, or when a time is not positive.
  public init(frames: [Image], delay: Int = 60, hold: Int? = nil, loop: Int = 0) throws {
    guard !frames.isEmpty else { throw ImagingError(.invalid("an animation needs at least one frame")) }
    var delays = [Int](repeating: delay, count: frames.count)
    delays[delays.count - 1] = hold ?? delay
    try self.init(frames: frames, delays: delays, loop: loop)
  }

  /// - Parameter delays: milliseconds of each frame.
  /// - Throws: `ImagingError` as the other, and when there are more or fewer times than frames.
  public init(frames: [Image], delays: [Int], loop: Int = 0) throws {
    guard !frames.isEmpty, frames.count == delays.count else {
      throw ImagingError(.invalid("an animation of \(frames.count) frames with \(delays.count) times; expected one for each frame"))
    }
    for (index, frame) in frames.enumerated() where !frame.hasShape(of: frames[0]) {
      throw ImagingError(
        .invalid("frame \(index) of an animation is \(frame.shapeText), expected \(frames[0].shapeText) like the first"))
    }
    for (index, delay) in delays.enumerated() where !(1...600_000).contains(delay) {
      throw ImagingError(.invalid("frame \(index) is shown for \(delay) ms, expected 1 to 600000"))
    }
    guard (0...65_535).contains(loop) else {
      throw ImagingError(.invalid("an animation shown \(loop) times, expected 0 to 65535, where 0 is without an end"))
    }
    self.frames = frames
    self.delays = delays
    self.loop = loop
  }

  /// - Parameter format: `gif` (256 colours a frame), `webp` or `webpLossless`. GIF may join neighbours that are equal.
  /// - Throws: `ImagingError`, also for a format without animation.
  public func encoded(as format: ImageFormat = .gif) throws -> [UInt8] {
    guard format.holdsAnimation else { throw ImagingError(.unencodable("PNG and JPEG hold no animation; GIF and WebP do")) }
    try format.check()
    let delays = delays.map(Int32.init)
    return try tall().encoded { image in
      cv_set_animation(image.raw, Int32(frames[0].height), delays, Int32(delays.count), Int32(loop))
      return format.encode(image)
    }
  }

  /// Writes under a temporary name, then renames. The format is as the file's name says, when it is not given.
  public func write(to file: String, as format: ImageFormat? = nil) throws {
    let format = try format ?? ImageFormat(forFile: file)
    try PictureFile.write(to: file) { try encoded(as: format) }
  }

  /// Reads every frame; a still picture has one, shown for 100 ms.
  public init(file: String) throws {
    let source = try EncodedPicture(EncodedBytes(file: file), name: file)
    guard try source.open().header.pageCount > 1 else {
      try self.init(frames: [PictureReader(source).image()], delay: 100)
      return
    }
    // Only decoders of formats with pages know the option that asks for all of them.
    let opened = try source.open(options: "[n=-1]"), header = opened.header
    let whole = PixelArea(row: 0, column: 0, width: header.width, height: header.height)
    let tall = try source.image(whole, from: opened, options: "[n=-1]")
    let count = tall.height / header.pageHeight
    let frames = (0..<count).map {
      tall.cropped(row: $0 * header.pageHeight, column: 0, width: tall.width, height: header.pageHeight)
    }
    // A file may give no time, or 0 for "as fast as you can", which browsers show as 100 ms.
    let times = (0..<count).map { $0 < header.delays.count && header.delays[$0] > 0 ? min(header.delays[$0], 600_000) : 100 }
    try self.init(frames: frames, delays: times, loop: max(0, min(header.loop, 65_535)))
  }

  /// The frames in one image, from top to bottom, the layout that libvips expects.
  private func tall() throws -> Image {
    let first = frames[0]
    guard first.width <= Image.pixelLimit / (first.height * frames.count) else {
      throw ImagingError(
        .tooLarge(width: first.width, height: first.height * frames.count, limit: Image.pixelLimit))
    }
    return Image(
      width: first.width, height: first.height * frames.count, channels: first.channels, bytes: frames.flatMap(\.bytes))
  }
}
