internal import CVips
import Foundation

/// What a picture file says about its picture beside the pixels: resolution, EXIF, XMP, IPTC, text and colour profile.
public final class PictureMetadata: Sendable {
  /// The colours that the numbers of the file stand for.
  public enum Colors: Sendable, Equatable {
    case grey, rgb, cmyk
    /// Such as CIELAB.
    case other
  }

  public let colors: Colors
  /// Nil where the file carries none.
  public let profile: ICCProfile?
  /// The program that wrote the picture, as its EXIF block or, of a TIFF, its description says.
  public let software: String?
  /// One pixel that carries the fields, so that the file need not stay in memory.
  private let carrier: VipsHandle

  fileprivate init?(_ source: borrowing VipsHandle) {
    let pixel: [UInt8] = [0]
    guard let plain = VipsHandle(cv_wrap_copy(pixel, 1, 1, 1)), let carrier = VipsHandle(cv_with_metadata(plain.raw, source.raw, 1)) else {
      return nil
    }
    colors =
      switch cv_colors_of(source.raw) {
      case CV_GREY: .grey
      case CV_RGB: .rgb
      case CV_CMYK: .cmyk
      default: .other
      }
    var count = 0
    profile = cv_profile(source.raw, &count).map { ICCProfile(UnsafeRawBufferPointer(start: $0, count: count)) }
    software = Self.text(source, Self.softwareField) ?? Self.text(source, Self.descriptionField)
    self.carrier = carrier
  }

  private static let softwareField = "exif-ifd0-Software", descriptionField = "image-description"

  private static func text(_ image: borrowing VipsHandle, _ field: String) -> String? {
    cv_text(image.raw, field).map { String(cString: $0) }
  }

  /// The image with these fields.
  /// - Parameters:
  ///   - profile: whether it keeps the colour profile.
  ///   - software: the program that made it.
  func added(to image: borrowing VipsHandle, profile: Bool, software: String) -> VipsHandle? {
    guard let result = VipsHandle(cv_with_metadata(image.raw, carrier.raw, profile ? 1 : 0)) else { return nil }
    cv_set_text(result.raw, Self.softwareField, software)
    let lines = [Self.text(carrier, Self.descriptionField), software].compactMap { $0 }
    cv_set_text(result.raw, Self.descriptionField, lines.joined(separator: "\n"))
    return result
  }
}

extension PictureReader {
  /// What the file says about its picture beside the pixels.
  /// - Throws: `ImagingError`, when the header is damaged.
  public func metadata() throws -> PictureMetadata { try source.metadata() }
}

extension EncodedPicture {
  func metadata() throws -> PictureMetadata {
    try attempt {
      guard let source = handle("") else { return nil }
      return PictureMetadata(source)
    }
  }
}
