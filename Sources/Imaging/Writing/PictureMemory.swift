internal import CVips
import Failures
import Foundation

/// A picture in memory of its owner, such as a mapped file: written without a copy, by rows, so that memory does not grow with its size
/// (but for WebP, whose encoder holds the whole).
public struct PictureMemory {
  /// Rows from the top, channels interleaved; of 16 bits a sample in the machine's byte order.
  public let bytes: UnsafeRawBufferPointer
  public let width: Int, height: Int, channels: Int
  /// 16 bits a sample instead of 8.
  public let isDeep: Bool

  /// - Precondition: positive sides, 1 to 4 channels, and the number of bytes that follows from these.
  public init(_ bytes: UnsafeRawBufferPointer, width: Int, height: Int, channels: Int, isDeep: Bool) {
    precondition(width > 0 && height > 0 && (1...4).contains(channels), "an image of \(width) x \(height) x \(channels)")
    precondition(bytes.count == width * height * channels * (isDeep ? 2 : 1), "\(bytes.count) bytes for \(width) x \(height) x \(channels)")
    (self.bytes, self.width, self.height, self.channels, self.isDeep) = (bytes, width, height, channels, isDeep)
  }

  /// What is written beside the pixels.
  public struct Facts {
    /// That of the picture it was made of.
    public var metadata: PictureMetadata
    public var keepsProfile: Bool
    /// Named as the program that made the picture: in the EXIF block, of a TIFF in the description.
    public var software: String
    /// The text that a PNG carries.
    public var notes: PictureNotes

    public init(_ metadata: PictureMetadata, keepsProfile: Bool, software: String, notes: PictureNotes) {
      (self.metadata, self.keepsProfile, self.software, self.notes) = (metadata, keepsProfile, software, notes)
    }
  }

  /// Writes under a temporary name, syncs, then renames.
  /// - Throws: `ImagingError`: a format that cannot hold the picture, or what the system said. What was there before is then untouched.
  public func write(to file: String, as format: ImageFormat, _ facts: Facts) throws {
    try format.check()
    if let limit = format.sideLimit, max(width, height) > limit {
      throw ImagingError(file: file, .unencodable("it has \(width) x \(height) pixels; \(format.name) holds at most \(limit) on a side"))
    }
    if isDeep && !format.holdsDeepSamples { throw ImagingError(file: file, .unencodable("\(format.name) holds 8 bits a sample, not 16")) }
    do {
      try PictureFile.replace(file) { temporary in
        _ = try VipsCall.run { () -> Bool? in write(to: temporary, format, facts) ? true : nil }
      }
    } catch let failure as VipsCall.Failure {
      throw ImagingError(file: file, .unwritable(failure.message))
    } catch let error as ImagingError where error.file == nil {
      throw ImagingError(file: file, error.problem)
    }
  }

  private func write(to path: String, _ format: ImageFormat, _ facts: Facts) -> Bool {
    let size = (Int32(width), Int32(height), Int32(channels))
    let wrapped = isDeep ? cv_wrap_deep(bytes.baseAddress, size.0, size.1, size.2) : cv_wrap(bytes.baseAddress, size.0, size.1, size.2)
    guard let plain = VipsHandle(wrapped) else { return false }
    guard let image = facts.metadata.added(to: plain, profile: facts.keepsProfile, software: facts.software) else { return false }
    if case .png = format { facts.notes.add(to: image) }
    return format.write(image, to: path)
  }
}

extension ImageFormat {
  /// As in prose.
  public var name: String {
    switch self {
    case .png: "PNG"
    case .jpeg: "JPEG"
    case .webp, .webpLossless: "WebP"
    case .gif: "GIF"
    case .tiff: "TIFF"
    }
  }

  /// The most pixels on a side that the format can hold; nil where files end before.
  public var sideLimit: Int? {
    switch self {
    case .jpeg, .gif: 65_535
    case .webp, .webpLossless: 16_383
    case .png, .tiff: nil
    }
  }

  /// Whether it holds 16 bits a sample.
  public var holdsDeepSamples: Bool {
    switch self {
    case .png, .tiff: true
    case .jpeg, .webp, .webpLossless, .gif: false
    }
  }

  /// Whether it holds opacity.
  public var holdsAlpha: Bool { if case .jpeg = self { false } else { true } }

  /// False when libvips failed, or has no way to write the format by rows.
  fileprivate func write(_ image: borrowing VipsHandle, to path: String) -> Bool {
    switch self {
    case .png(let compression): cv_write_png(image.raw, path, Int32(clamping: compression)) == 0
    case .jpeg(let quality, let subsampling): cv_write_jpeg(image.raw, path, Int32(clamping: quality), subsampling.rawValue) == 0
    case .webp(let quality): cv_write_webp(image.raw, path, Int32(clamping: quality), 0) == 0
    case .webpLossless: cv_write_webp(image.raw, path, 75, 1) == 0
    case .tiff: cv_write_tiff(image.raw, path) == 0
    case .gif: false
    }
  }
}
