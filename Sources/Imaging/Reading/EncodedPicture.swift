internal import CVips
import Failures

/// Decodes a picture. Every check comes before the work that it guards.
final class EncodedPicture: Sendable {
  let name: String?
  let format: PictureFormat
  let bytes: EncodedBytes
  let profiles: ColorProfiles
  /// Whether colours are converted whatever the name of their profile; else those are taken as they are whose profile says "sRGB".
  let everyProfile: Bool
  /// The reader of a format that is read without libvips.
  let sampled: (any SampledFormat)?

  /// The header of a picture file, before the picture is turned upright.
  struct Header {
    var width: Int, height: Int, channels: Int
    var orientation: Int
    /// The pages of an animation.
    var pageCount: Int, pageHeight: Int, delays: [Int], loop: Int
    /// Whether the samples have 16 bits.
    var isDeep: Bool
  }

  /// 8-bit pixels, not turned and not yet computed; they can be computed once.
  struct Opened: ~Copyable {
    let pixels: VipsHandle
    let header: Header
  }

  /// - Throws: `ImagingError` for an empty file and for one that is not a picture.
  init(_ bytes: EncodedBytes, name: String?, profiles: ColorProfiles = .converted, everyProfile: Bool = false) throws {
    self.bytes = bytes
    (self.profiles, self.everyProfile) = (profiles, everyProfile)
    self.name = name
    if bytes.buffer.isEmpty { throw ImagingError(file: name, .empty) }
    guard let format = PictureFormat(firstBytes: bytes.buffer) else {
      throw ImagingError(file: name, .notAPicture(ForeignFormat(bytes.buffer)))
    }
    self.format = format
    do throws(ImagingError.Problem) { sampled = try Self.sampled(format, bytes.buffer) } catch {
      throw ImagingError(file: name, error)
    }
  }

  private static func sampled(
    _ format: PictureFormat, _ bytes: UnsafeRawBufferPointer
  ) throws(ImagingError.Problem) -> (any SampledFormat)? {
    switch format {
    case .netpbm: try Netpbm(parsing: bytes)
    case .bmp: try WindowsBitmap(parsing: bytes)
    default: nil
    }
  }

  /// Reads the header.
  /// - Parameter options: the decoder's, "[n=-1]" for every page of an animation.
  /// - Throws: `ImagingError` when the header is damaged, promises too much, or the picture is of a kind that an image cannot hold.
  func open(options: String = "") throws -> Opened {
    let source = try attempt { handle(options) }
    let width = Int(cv_width(source.raw)), height = Int(cv_height(source.raw))
    try checkBounds(of: source, width: width, height: height)
    let pixels = try attempt { in8Bits(source) }
    let channels = Int(cv_channels(pixels.raw))
    guard (1...4).contains(channels) else {
      throw ImagingError(file: name, .unsupported("it has \(cv_channels(source.raw)) channels, expected 1 to 4"))
    }
    var delays = [Int32](repeating: 0, count: max(0, Int(cv_page_count(source.raw))))
    let known = Int(cv_delays(source.raw, &delays, Int32(delays.count)))
    let header = Header(
      width: width, height: height, channels: channels, orientation: Int(cv_orientation(source.raw)),
      pageCount: delays.count, pageHeight: Int(cv_page_height(source.raw)), delays: delays.prefix(known).map(Int.init),
      loop: Int(cv_loop(source.raw)), isDeep: sampled?.isDeep ?? (cv_is_deep(source.raw) != 0))
    return Opened(pixels: pixels, header: header)
  }

  /// The text that a PNG carries.
  func notes() throws -> PictureNotes { PictureNotes(of: try attempt { handle("") }) }

  /// Computes a part of the pixels, not turned.
  /// - Parameters:
  ///   - opened: what `open` gave, not read before; without it the picture is opened again.
  ///   - options: those that it was opened with.
  func image(_ area: PixelArea, from opened: consuming Opened? = nil, options: String = "") throws -> Image {
    var ready = opened
    return try attempt {
      if let opened = ready.take() { return Image(opened.pixels, area) }
      guard let source = handle(options), let pixels = in8Bits(source) else { return nil }
      return Image(pixels, area)
    }
  }

  /// - Parameter work: nil when libvips failed.
  func attempt<Value: ~Copyable>(_ work: () -> Value?) throws -> Value {
    do {
      return try VipsCall.run(work)
    } catch let failure as VipsCall.Failure {
      throw ImagingError(file: name, problem(failure.message))
    }
  }

  func handle(_ options: String) -> VipsHandle? {
    let (address, count) = (bytes.buffer.baseAddress, bytes.buffer.count)
    switch format {
    case .netpbm, .bmp: return sampledHandle()
    case .jpeg where options.isEmpty: return VipsHandle(cv_read_jpeg(address, count))
    case .png where options.isEmpty: return VipsHandle(cv_read_png(address, count))
    default: return VipsHandle(cv_read(address, count, options))
    }
  }

  func in8Bits(_ source: borrowing VipsHandle) -> VipsHandle? { VipsHandle(cv_8bit(source.raw, conversion)) }
  func in16Bits(_ source: borrowing VipsHandle) -> VipsHandle? { VipsHandle(cv_16bit(source.raw, conversion)) }
  private var conversion: Int32 { profiles == .ignored ? 0 : everyProfile ? 2 : 1 }

  /// An image of the samples of a file that is read without libvips; nil where a sample is wrong.
  private func sampledHandle() -> VipsHandle? {
    guard let sampled else { return nil }
    let (width, height, channels) = (Int32(sampled.width), Int32(sampled.height), Int32(sampled.channels))
    if let start = sampled.plainStart { return VipsHandle(cv_wrap(bytes.buffer.baseAddress! + start, width, height, channels)) }
    return (try? sampled.samples(of: bytes.buffer, white: 255) as [UInt8]).flatMap { VipsHandle(cv_wrap_copy($0, width, height, channels)) }
  }

  /// - Throws: `ImagingError` for a picture that would take too much memory, and for samples that an image does not hold.
  private func checkBounds(of source: borrowing VipsHandle, width: Int, height: Int) throws {
    let samples = cv_sample_format(source.raw), channels = Int(cv_channels(source.raw))
    // Of an animation a page at a time is decoded.
    let pageHeight = Int(cv_page_height(source.raw)), part = (1...height).contains(pageHeight) ? pageHeight : height
    do throws(ImagingError.Problem) {
      try PictureBounds.check(width: width, height: height)
      guard samples == 0 || samples == 2 else {
        throw .unsupported("its samples are not whole numbers of 8 or 16 bits from 0 up")
      }
      let pixelBytes = channels * (samples == 2 ? 2 : 1)
      try PictureBounds.check(width: width, height: part, pixelBytes: pixelBytes, fileSize: bytes.buffer.count)
      if format == .tiff, let tile = TIFFTiles.area(bytes.buffer) {
        try PictureBounds.check(width: 1, height: tile, pixelBytes: pixelBytes, fileSize: bytes.buffer.count)
      }
    } catch { throw ImagingError(file: name, error) }
  }

  private func problem(_ message: String) -> ImagingError.Problem {
    if let sampled {
      do throws(ImagingError.Problem) { _ = try sampled.samples(of: bytes.buffer, white: 255) as [UInt8] } catch { return error }
    }
    let coding = format == .heif && PictureFormat.isHEVC(bytes.buffer) ? "HEIC" : format.name
    if coding == "HEIC" || cv_is_known(bytes.buffer.baseAddress, bytes.buffer.count) == 0 {
      return .unsupported("it is \(coding), which this libvips cannot read; save it as JPEG or PNG")
    }
    return .undecodable(message)
  }

  /// Whether the end mark of its format is missing, so that the file may be truncated.
  var isTruncated: Bool { TruncationCheck.isTruncated(bytes.buffer, format: format) }
}

extension Image {
  /// Computes a part of an 8-bit image of libvips. Nil when it could not be.
  fileprivate init?(_ pixels: borrowing VipsHandle, _ area: PixelArea) {
    let channels = Int(cv_channels(pixels.raw))
    let count = area.width * area.height * channels
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      failed =
        cv_copy_region(
          pixels.raw, Int32(area.column), Int32(area.row), Int32(area.width), Int32(area.height), buffer.baseAddress) != 0
      filled = failed ? 0 : count
    }
    if failed { return nil }
    self.init(width: area.width, height: area.height, channels: channels, bytes: bytes)
  }
}
