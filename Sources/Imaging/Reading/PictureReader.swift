import Foundation
import Synchronization

/// How RGB colours with another profile than sRGB are treated.
public enum ColorProfiles: String, Codable, Sendable, CaseIterable {
  /// Converted to sRGB: the picture looks as it was meant to. A small picture takes several times as long.
  case converted
  /// The numbers stay as they are, which is what Pillow, and so the PyTorch systems, train with.
  case ignored
}

/// A picture of which only the header has been read: its size is known, and a part of it can be decoded alone.
///
/// Pixels are what `Image(file:)` gives: upright as the EXIF block says, 8 bits a sample, grey or sRGB, with the alpha channel
/// that the file has; of an animation the first frame. The file is read once, when the reader is made; later changes
/// of it do not matter. May be used from many threads at a time.
public final class PictureReader: Sendable {
  /// The name in errors: the file, or as the caller named it.
  public let name: String?
  public let format: PictureFormat
  /// The size of the upright picture.
  public let width: Int
  public let height: Int
  /// The channels of the decoded image: 1 grey, 2 grey and alpha, 3 sRGB, 4 sRGB and alpha.
  public let channels: Int
  /// Whether the file has 16 bits a sample, grey or RGB, which `image()` rounds to 8.
  public let isDeep: Bool

  let source: EncodedPicture
  let orientation: EXIFOrientation
  /// What `init` opened, for the first decoding: pixels of an opened picture can be read once.
  private let opened: Mutex<EncodedPicture.Opened?>

  /// - Throws: `ImagingError`: not a plain file, empty, not a picture, larger than `Image.pixelLimit`, or of a kind that an image
  ///   cannot hold. Damage behind the header is found when pixels are decoded.
  public convenience init(file: String, profiles: ColorProfiles = .converted) throws {
    try self.init(EncodedPicture(EncodedBytes(file: file), name: file, profiles: profiles))
  }

  /// - Parameter name: its name in errors.
  public convenience init(
    decoding encoded: some ContiguousBytes, name: String? = nil, profiles: ColorProfiles = .converted
  ) throws {
    let bytes = encoded.withUnsafeBytes { EncodedBytes(copying: $0) }
    try self.init(EncodedPicture(bytes, name: name, profiles: profiles))
  }

  init(_ source: EncodedPicture) throws {
    self.source = source
    name = source.name
    format = source.format
    let opened = try source.open(), header = opened.header
    orientation = EXIFOrientation(header.orientation)
    (width, height) = orientation.transposes ? (header.height, header.width) : (header.width, header.height)
    (channels, isDeep) = (header.channels, header.isDeep)
    self.opened = Mutex(opened)
  }

  /// The whole picture.
  /// - Throws: `ImagingError`. A picture that is truncated or damaged is refused, never filled up.
  public func image() throws -> Image {
    try decode(PixelArea(row: 0, column: 0, width: width, height: height))
  }

  /// The part of `width` x `height` pixels whose upper left corner is at (`row`, `column`) of the upright picture: the same
  /// pixels as of `image().cropped(...)`. It must lie inside.
  ///
  /// Of JPEG, PNG (not interlaced) and TIFF only the rows down to the end of the part are decoded, in strips, so that a large
  /// picture takes little memory; other formats decode all of it. The part is turned after it is cut, whatever EXIF says.
  /// - Throws: `ImagingError`. A JPEG, PNG or WebP without its end is refused whatever the part is; other damage below the part
  ///   is not noticed.
  public func image(row: Int, column: Int, width: Int, height: Int) throws -> Image {
    precondition(
      row >= 0 && column >= 0 && width > 0 && height > 0 && row + height <= self.height && column + width <= self.width,
      "a part of \(width) x \(height) pixels at (\(row), \(column)) from \(self.width) x \(self.height)")
    // Only the decoder can say whether all pixels are there although the end is missing.
    if source.isTruncated { return try image().cropped(row: row, column: column, width: width, height: height) }
    return try decode(PixelArea(row: row, column: column, width: width, height: height))
  }

  /// The picture at a half, a quarter or an eighth of its sides, or as it is: the smallest that is not smaller than `width` x
  /// `height`. Of an odd side a pixel may be lost.
  ///
  /// JPEG and WebP are decoded at that size, which is several times faster; other formats are decoded whole and averaged. How
  /// the reduction is up to the decoder: on smooth pictures it stays within a few levels of the mean of the pixels, at edges
  /// it does not. So none of the other operations reduces like this: what they give follows from the full picture alone.
  /// - Throws: `ImagingError`, like `image()`.
  public func reducedImage(coveringWidth width: Int, height: Int) throws -> Image {
    let factor = [8, 4, 2].first { self.width / $0 >= width && self.height / $0 >= height }
    guard let factor else { return try image() }
    guard format == .jpeg || format == .webp else {
      return try image().resized(width: self.width / factor, height: self.height / factor, filter: .box)
    }
    let options = format == .jpeg ? "[shrink=\(factor)]" : "[scale=\(1 / Double(factor))]"
    let small = try source.open(options: options), header = small.header
    let whole = PixelArea(row: 0, column: 0, width: header.width, height: header.height)
    return try source.image(whole, from: small, options: options).turned(orientation)
  }

  private func decode(_ area: PixelArea) throws -> Image {
    let (storedWidth, storedHeight) = orientation.transposes ? (height, width) : (width, height)
    let part = orientation.storedArea(area, width: storedWidth, height: storedHeight)
    return try source.image(part, from: opened.withLock { $0.take() }).turned(orientation)
  }
}
