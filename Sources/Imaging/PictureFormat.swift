/// What a picture file is by its first bytes, whatever its name says.
public enum PictureFormat: String, Sendable, CaseIterable {
  case png, jpeg, webp, gif, tiff
  /// HEIC and AVIF. Which of the two a libvips reads depends on its decoders.
  case heif
  case jpegXL = "jxl"
  case jpeg2000 = "jp2"

  /// libvips knows more, but only decoders of pictures made of pixels that are meant for files from anywhere are used.
  /// - Parameter decoder: the name of one of its decoders, "VipsForeignLoadPngBuffer".
  init?(decoder: String) {
    let names: [String: PictureFormat] = [
      "Png": .png, "Jpeg": .jpeg, "Webp": .webp, "Nsgif": .gif, "Tiff": .tiff, "Heif": .heif, "Jxl": .jpegXL, "Jp2k": .jpeg2000,
    ]
    let prefix = "VipsForeignLoad", suffix = "Buffer"
    guard decoder.hasPrefix(prefix), decoder.hasSuffix(suffix) else { return nil }
    guard let format = names[String(decoder.dropFirst(prefix.count).dropLast(suffix.count))] else { return nil }
    self = format
  }
}
