/// The format of a picture file, by its first bytes, whatever its name says.
///
/// libvips knows more; only raster formats whose decoders are meant for untrusted files are passed to it.
public enum PictureFormat: String, Sendable, CaseIterable {
  case png, jpeg, webp, gif, tiff
  /// PBM, PGM and PPM, which hold plain samples and are read without libvips.
  case netpbm
  /// Uncompressed ones are read, without libvips.
  case bmp
  /// HEIC and AVIF. Which of the two can be read depends on how libvips was built.
  case heif
  case jpegXL = "jxl"
  case jpeg2000 = "jp2"

  /// As in prose: "JPEG XL".
  public var name: String {
    switch self {
    case .png, .jpeg, .gif, .tiff: rawValue.uppercased()
    case .webp: "WebP"
    case .netpbm: "PBM, PGM or PPM"
    case .bmp: "BMP"
    case .heif: "AVIF"
    case .jpegXL: "JPEG XL"
    case .jpeg2000: "JPEG 2000"
    }
  }

  init?(firstBytes bytes: UnsafeRawBufferPointer) {
    func has(_ signature: [UInt8], at offset: Int = 0) -> Bool {
      bytes.count >= offset + signature.count && bytes[offset..<(offset + signature.count)].elementsEqual(signature)
    }
    guard let found = Self.signatures.first(where: { has($0.bytes, at: $0.offset) })?.format ?? Self.plain(bytes) else { return nil }
    switch found {
    case .webp: guard has(Array("RIFF".utf8)) else { return nil }
    // Video files begin like this, too.
    case .heif: guard Self.brands(of: bytes).contains(where: Self.heifBrands.contains) else { return nil }
    default: break
    }
    self = found
  }

  private static let signatures: [(format: PictureFormat, bytes: [UInt8], offset: Int)] = [
    (.jpeg, [0xFF, 0xD8, 0xFF], 0), (.png, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], 0),
    (.webp, Array("WEBP".utf8), 8), (.gif, Array("GIF8".utf8), 0),
    (.tiff, [0x49, 0x49, 42, 0], 0), (.tiff, [0x4D, 0x4D, 0, 42], 0), (.tiff, [0x49, 0x49, 43, 0], 0),
    (.tiff, [0x4D, 0x4D, 0, 43], 0), (.heif, Array("ftyp".utf8), 4),
    (.jpegXL, [0xFF, 0x0A], 0), (.jpegXL, [0, 0, 0, 12] + Array("JXL ".utf8), 0),
    (.jpeg2000, [0, 0, 0, 12] + Array("jP  ".utf8), 0), (.jpeg2000, [0xFF, 0x4F, 0xFF, 0x51], 0),
  ]

  /// Formats whose signature of two letters is too short to be believed alone.
  private static func plain(_ bytes: UnsafeRawBufferPointer) -> PictureFormat? {
    guard bytes.count >= 3 else { return nil }
    if bytes[0] == UInt8(ascii: "P"), (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(bytes[1]), Netpbm.isSpace(bytes[2]) {
      // A number or a comment follows; in a text that begins with "P1" a word would.
      let next = bytes[2...].first { !Netpbm.isSpace($0) } ?? 0
      return next == UInt8(ascii: "#") || (0x30...0x39).contains(next) ? .netpbm : nil
    }
    // The length of the header behind that of the file has few values.
    guard bytes.count >= 18, bytes[0] == UInt8(ascii: "B"), bytes[1] == UInt8(ascii: "M") else { return nil }
    let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 14, as: UInt32.self))
    return [12, 16, 40, 52, 56, 64, 108, 124].contains(length) ? .bmp : nil
  }

  private static let heifBrands: Set = [
    "avif", "avis", "mif1", "msf1", "mif2", "heic", "heix", "heim", "heis", "hevc", "hevx",
  ]

  /// Whether a HEIF file says that it is coded in HEVC: its brand, or one that it is compatible with.
  static func isHEVC(_ bytes: UnsafeRawBufferPointer) -> Bool {
    brands(of: bytes).contains { $0.hasPrefix("hei") || $0.hasPrefix("hev") }
  }

  private static func brands(of bytes: UnsafeRawBufferPointer) -> [String] {
    guard bytes.count >= 16 else { return [] }
    let length = Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
    return stride(from: 8, to: min(bytes.count, length, 256) - 3, by: 4).map {
      String(decoding: bytes[$0..<($0 + 4)], as: UTF8.self)
    }
  }
}
