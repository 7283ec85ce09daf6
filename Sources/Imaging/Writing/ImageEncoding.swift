internal import CVips
import Failures
import Foundation

/// A file format with its settings. The same image, settings and libvips give the same bytes.
public enum ImageFormat: Sendable, Equatable {
  /// Lossless. `compression` from 0, none, to 9, smallest.
  case png(compression: Int)
  /// `quality` from 1 to 100, on the scale of libjpeg. Transparent parts are composited over white.
  case jpeg(quality: Int, subsampling: ChromaSubsampling = .byQuality)
  /// `quality` from 0 to 100.
  case webp(quality: Int)
  case webpLossless
  /// At most 256 colours.
  case gif
  /// Lossless: deflate, each row as differences.
  case tiff

  public static let png = ImageFormat.png(compression: 6)
  public static let jpeg = ImageFormat.jpeg(quality: 90)
  public static let webp = ImageFormat.webp(quality: 85)

  /// Whether it can hold more than one frame.
  public var holdsAnimation: Bool {
    switch self {
    case .gif, .webp, .webpLossless: true
    case .png, .jpeg, .tiff: false
    }
  }

  /// The format by the ending of a file's name.
  /// - Throws: `ImagingError` for any ending but png, jpg, jpeg, webp, gif, tif and tiff, in capitals or not.
  public init(forFile file: String) throws {
    switch (file as NSString).pathExtension.lowercased() {
    case "png": self = .png
    case "jpg", "jpeg": self = .jpeg
    case "webp": self = .webp
    case "gif": self = .gif
    case "tif", "tiff": self = .tiff
    case let ending:
      let given = ending.isEmpty ? "its name has no ending" : "no format is known by the ending '.\(ending)'"
      throw ImagingError(file: file, .unencodable("\(given); .png, .jpg, .webp, .gif and .tif are"))
    }
  }
}

/// The resolution at which a JPEG keeps colour beside that of brightness.
public enum ChromaSubsampling: Int32, Sendable, CaseIterable {
  /// Half below quality 90, else full.
  case byQuality = 0
  /// Half across and down: 4:2:0.
  case half = 1
  /// Full: 4:4:4.
  case full = 2
}

extension Image {
  /// - Parameter notes: the text that a PNG carries; other formats leave it out.
  /// - Throws: `ImagingError` when libvips is missing or the format cannot hold the picture.
  public func encoded(as format: ImageFormat = .png, notes: PictureNotes = [:]) throws -> [UInt8] {
    if case .jpeg = format, hasAlpha {
      return try flattened(over: [UInt8](repeating: 255, count: channels - 1)).encoded(as: format)
    }
    try format.check()
    return try encoded { image in
      if case .png = format { notes.add(to: image) }
      return format.encode(image)
    }
  }

  /// The picture after JPEG compression: encoded and decoded again in memory, with the same channels. Opacity is kept.
  /// - Parameter quality: 1 to 100, on the scale of libjpeg.
  public func throughJPEG(quality: Int, subsampling: ChromaSubsampling = .half) throws -> Image {
    try ImageFormat.jpeg(quality: quality).check()
    let colors = withChannels(channels < 3 ? 1 : 3)
    // Smaller tables would change no pixel.
    let bytes = try colors.encoded { ImageFormat.encodeJPEG($0, quality, subsampling, smallest: false) }
    let result = try Image(decoding: bytes)
    return alpha.map(result.withAlpha) ?? result
  }

  /// Writes the picture under a temporary name, then renames: an earlier file stays whole until the new one is.
  /// - Parameters:
  ///   - format: as the file's name says, when it is not given.
  ///   - notes: the text that a PNG carries.
  /// - Throws: `ImagingError`; what was there before is then untouched.
  public func write(to file: String, as format: ImageFormat? = nil, notes: PictureNotes = [:]) throws {
    let format = try format ?? ImageFormat(forFile: file)
    try PictureFile.write(to: file) { try encoded(as: format, notes: notes) }
  }

  /// - Parameter encode: gives the bytes of the image that it is handed, or nil when libvips failed.
  func encoded(_ encode: (borrowing VipsHandle) -> [UInt8]?) throws -> [UInt8] {
    do {
      return try VipsCall.run {
        bytes.withUnsafeBytes { pixels -> [UInt8]? in
          let image = VipsHandle(cv_wrap(pixels.baseAddress, Int32(width), Int32(height), Int32(channels)))
          guard let image else { return nil }
          return encode(image)
        }
      }
    } catch let failure as VipsCall.Failure {
      throw ImagingError(.unencodable(failure.message))
    }
  }
}

extension ImageFormat {
  /// - Throws: `ImagingError` for a number out of range, which libvips would clamp silently.
  func check() throws {
    let (what, value, scale) =
      switch self {
      case .png(let compression): ("PNG compression", compression, 0...9)
      case .jpeg(let quality, _): ("JPEG quality", quality, 1...100)
      case .webp(let quality): ("WebP quality", quality, 0...100)
      case .webpLossless, .gif, .tiff: ("", 0, 0...0)
      }
    guard scale.contains(value) else {
      throw ImagingError(.unencodable("\(what) \(value), expected \(scale.lowerBound) to \(scale.upperBound)"))
    }
  }

  /// Nil when libvips failed.
  func encode(_ image: borrowing VipsHandle) -> [UInt8]? {
    switch self {
    case .png(let compression): Self.taking { cv_encode_png(image.raw, Int32(clamping: compression), $0, $1) }
    case .jpeg(let quality, let subsampling): Self.encodeJPEG(image, quality, subsampling, smallest: true)
    case .webp(let quality): Self.taking { cv_encode_webp(image.raw, Int32(clamping: quality), 0, $0, $1) }
    case .webpLossless: Self.taking { cv_encode_webp(image.raw, 75, 1, $0, $1) }
    // Dithering is for gradients of colour; 256 greys hardly need it, and the black of a digit should stay black.
    case .gif: Self.taking { cv_encode_gif(image.raw, cv_channels(image.raw) < 3 ? 0 : 1, $0, $1) }
    case .tiff: Self.taking { cv_encode_tiff(image.raw, $0, $1) }
    }
  }

  static func encodeJPEG(
    _ image: borrowing VipsHandle, _ quality: Int, _ subsampling: ChromaSubsampling, smallest: Bool
  ) -> [UInt8]? {
    taking { cv_encode_jpeg(image.raw, Int32(clamping: quality), subsampling.rawValue, smallest ? 1 : 0, $0, $1) }
  }

  /// The bytes that `encode` allocates and counts; nil when it does not return 0.
  private static func taking(
    _ encode: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<Int>) -> Int32
  ) -> [UInt8]? {
    var bytes: UnsafeMutableRawPointer?
    var count = 0
    guard encode(&bytes, &count) == 0, let bytes else { return nil }
    defer { cv_free_bytes(bytes) }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }
}
