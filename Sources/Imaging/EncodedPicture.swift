internal import CVips
import Failures

/// The way from encoded bytes to pixels, with every check before the work that it guards.
final class EncodedPicture: Sendable {
  let name: String?
  let format: PictureFormat
  private let bytes: EncodedBytes
  private let profiles: ColorProfiles

  /// What a file says of its picture, before that is turned upright.
  struct Header {
    var width: Int, height: Int, channels: Int
    var orientation: Int
    /// Of an animation.
    var pageCount: Int, pageHeight: Int, delays: [Int], loop: Int
  }

  /// 8-bit pixels, not turned, none of them computed yet; they can be computed once.
  struct Opened: ~Copyable {
    let pixels: VipsHandle
    let header: Header
  }

  /// - Throws: `ImagingError` for an empty file and for what is no picture.
  init(_ bytes: EncodedBytes, name: String?, profiles: ColorProfiles = .converted) throws {
    self.bytes = bytes
    self.profiles = profiles
    self.name = name
    if bytes.buffer.isEmpty { throw ImagingError(file: name, .empty) }
    guard let format = PictureFormat(firstBytes: bytes.buffer) else { throw ImagingError(file: name, .notAPicture) }
    self.format = format
  }

  /// Reads the header.
  /// - Parameter options: the decoder's, "[n=-1]" for every page of an animation.
  /// - Throws: `ImagingError` when the header is damaged, promises too much, or the picture is of a kind that is not held.
  func open(options: String = "") throws -> Opened {
    let source = try attempt { handle(options) }
    let width = Int(cv_width(source.raw)), height = Int(cv_height(source.raw))
    guard width <= Image.pixelLimit / max(height, 1) else {
      throw ImagingError(file: name, .tooLarge(width: width, height: height, limit: Image.pixelLimit))
    }
    try checkSamples(of: source)
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
      loop: Int(cv_loop(source.raw)))
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
      throw ImagingError(file: name, reason(failure.message))
    }
  }

  private func handle(_ options: String) -> VipsHandle? {
    let (address, count) = (bytes.buffer.baseAddress, bytes.buffer.count)
    switch format {
    case .jpeg where options.isEmpty: return VipsHandle(cv_read_jpeg(address, count))
    case .png where options.isEmpty: return VipsHandle(cv_read_png(address, count))
    default: return VipsHandle(cv_read(address, count, options))
    }
  }

  private func in8Bits(_ source: borrowing VipsHandle) -> VipsHandle? {
    VipsHandle(cv_8bit(source.raw, profiles == .converted ? 1 : 0))
  }

  private func checkSamples(of source: borrowing VipsHandle) throws {
    let format = cv_sample_format(source.raw)
    guard format == 0 || format == 2 else {
      throw ImagingError(file: name, .unsupported("its samples are no whole numbers of 8 or 16 bits from 0 up"))
    }
  }

  private func reason(_ message: String) -> ImagingError.Reason {
    let coding = format == .heif && PictureFormat.isHEVC(bytes.buffer) ? "HEIC" : format.name
    if coding == "HEIC" || cv_is_known(bytes.buffer.baseAddress, bytes.buffer.count) == 0 {
      return .unsupported("it is \(coding), which this libvips cannot read (\(message)); save it as JPEG or PNG")
    }
    return .undecodable(message)
  }

  /// Whether the mark with which every file of its format ends is missing, so that it may be cut off.
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
