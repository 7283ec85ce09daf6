import Foundation

extension Image {
  /// Reads a picture of any format that libvips knows: upright as its EXIF block says, 8 bits a sample, grey or sRGB, with
  /// the alpha channel that it has. Of an animation this is the first frame.
  ///
  /// The format is detected from the contents, not from the name. 16 bits become the nearest of 8; palettes are resolved; CMYK
  /// and colours with a profile other than sRGB are converted, a broken profile is ignored, and a profile
  /// for greys is passed over.
  /// - Throws: `ImagingError`. A picture that is truncated or damaged is refused, never filled up.
  public init(file: String) throws {
    self = try PictureReader(file: file).image()
  }

  /// Decodes a picture in memory, like `init(file:)`.
  /// - Parameter name: its name in errors.
  public init(decoding encoded: some ContiguousBytes, name: String? = nil) throws {
    self = try PictureReader(decoding: encoded, name: name).image()
  }
}
