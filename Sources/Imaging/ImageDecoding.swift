internal import CVips
import Foundation

extension Image {
  /// Reads a picture of any format that libvips knows: upright as its EXIF block says, 8 bits a sample, grey or sRGB, with
  /// the alpha channel that it has. Of an animation this is the first frame.
  ///
  /// 16 bits become the nearest of 8; palettes are resolved; CMYK and colours with a profile other than sRGB are
  /// converted.
  /// - Throws: `ImagingError`. A picture that is cut off or damaged is refused, never filled up.
  public init(file: String) throws {
    try self.init(decoding: PictureFile.contents(of: file), name: file)
  }

  /// Decodes a picture in memory, like `init(file:)`.
  /// - Parameter name: what errors call it.
  public init(decoding encoded: some ContiguousBytes, name: String? = nil) throws {
    self = try Decoding(encoded, name: name).firstFrame()
  }

  /// Copies the pixels of an 8-bit image of libvips. Nil when it could not be computed.
  init?(copying image: borrowing VipsHandle) {
    let width = Int(cv_width(image.raw))
    let height = Int(cv_height(image.raw))
    let channels = Int(cv_channels(image.raw))
    let count = width * height * channels
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      failed = cv_copy_pixels(image.raw, buffer.baseAddress, count) != 0
      filled = failed ? 0 : count
    }
    if failed { return nil }
    self.init(width: width, height: height, channels: channels, bytes: bytes)
  }
}

/// The way from encoded bytes to an image, with every check before the work that it guards.
struct Decoding<Bytes: ContiguousBytes> {
  private let encoded: Bytes
  private let name: String?

  init(_ encoded: Bytes, name: String?) throws {
    self.encoded = encoded
    self.name = name
    if encoded.withUnsafeBytes({ $0.isEmpty }) { throw ImagingError(file: name, .empty) }
  }

  func firstFrame() throws -> Image {
    try decode(allPages: false) { upright, _ in Image(copying: upright) }
  }

  /// Every frame, from top to bottom, in one tall image; and what the file says of their timing.
  func allFrames() throws -> (tall: Image, pageHeight: Int, delays: [Int], loop: Int) {
    try decode(allPages: true) { upright, header in
      guard let tall = Image(copying: upright) else { return nil }
      var delays = [Int32](repeating: 0, count: Int(cv_page_count(header.raw)))
      let known = Int(cv_delays(header.raw, &delays, Int32(delays.count)))
      return (tall, Int(cv_page_height(header.raw)), delays.prefix(known).map(Int.init), Int(cv_loop(header.raw)))
    }
  }

  func notes() throws -> PictureNotes {
    try checkHeader(allPages: false)
    return try attempt { bytes in
      guard let source = VipsHandle(cv_read(bytes.baseAddress, bytes.count, 0)) else { return nil }
      return PictureNotes(of: source)
    }
  }

  /// `extract` is handed the converted image, whose pixels are not computed yet, and the image as the file has it.
  private func decode<Value>(
    allPages: Bool, _ extract: (borrowing VipsHandle, borrowing VipsHandle) -> Value?
  ) throws -> Value {
    try checkHeader(allPages: false)
    // Only decoders of formats with pages know the option that asks for all of them.
    let allPages = try allPages && pageCount() > 1
    if allPages { try checkHeader(allPages: true) }
    return try attempt { bytes in
      guard let source = VipsHandle(cv_read(bytes.baseAddress, bytes.count, allPages ? 1 : 0)),
        let upright = VipsHandle(cv_upright_8bit(source.raw))
      else { return nil }
      return extract(upright, source)
    }
  }

  private func pageCount() throws -> Int {
    try attempt { bytes in
      guard let source = VipsHandle(cv_read(bytes.baseAddress, bytes.count, 0)) else { return nil }
      return Int(cv_page_count(source.raw))
    }
  }

  private func checkHeader(allPages: Bool) throws {
    let known = try attempt { cv_is_known($0.baseAddress, $0.count) != 0 }
    guard known else { throw ImagingError(file: name, .notAPicture) }
    let (width, height, channels) = try attempt { bytes -> (Int, Int, Int)? in
      guard let source = VipsHandle(cv_read(bytes.baseAddress, bytes.count, allPages ? 1 : 0)) else { return nil }
      return (Int(cv_width(source.raw)), Int(cv_height(source.raw)), Int(cv_channels(source.raw)))
    }
    guard width <= Image.pixelLimit / max(height, 1) else {
      throw ImagingError(file: name, .tooLarge(width: width, height: height, limit: Image.pixelLimit))
    }
    // Five are CMYK with alpha, which becomes sRGB with alpha.
    guard channels <= 5 else {
      throw ImagingError(file: name, .unsupported("it has \(channels) channels, expected 1 to 4"))
    }
  }

  private func attempt<Value>(_ work: (UnsafeRawBufferPointer) -> Value?) throws -> Value {
    do {
      return try VipsCall.run { encoded.withUnsafeBytes(work) }
    } catch let failure as VipsCall.Failure {
      throw ImagingError(file: name, .undecodable(failure.message))
    }
  }
}
