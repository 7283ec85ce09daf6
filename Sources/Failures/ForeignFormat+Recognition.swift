extension ForeignFormat {
  /// Formats that hold others, or whose first bytes could be mistaken for another signature.
  static func container(_ start: [UInt8]) -> ForeignFormat? {
    // The length of a safetensors header comes first and may look like anything; a brace always follows it.
    if start.count > 8, start[8] == UInt8(ascii: "{"), start[4..<8].allSatisfy({ $0 == 0 }) { return .safetensors }
    if start.starts(with: [0x50, 0x4B, 3, 4]) {
      let entry = firstEntry(start)
      return entry.hasSuffix(".npy") ? .npz : entry.hasSuffix("/data.pkl") ? .pytorch : .zip
    }
    if start.starts(with: [0x50, 0x4B, 5, 6]) { return .emptyZip }
    // Version 5 begins with 116 bytes of text.
    if has(start, "MATLAB 7.3 MAT-file") { return .hdf5 }
    if has(start, "MATLAB 5.0 MAT-file") { return .matlab }
    if has(start, "ustar", at: 257) { return .tar }
    if has(start, "RIFF"), has(start, "WEBP", at: 8) { return .picture("WebP") }
    guard has(start, "ftyp", at: 4) else { return nil }
    return ["avif", "avis", "heic", "heix", "mif1"].contains { has(start, $0, at: 8) } ? .picture("HEIF") : .film
  }

  static func binary(_ start: [UInt8]) -> ForeignFormat? {
    // PROTO 2 to 5, what every pickle since Python 2.3 begins with.
    if start.count > 2, start[0] == 0x80, (2...5).contains(start[1]) { return .pytorch }
    if let found = signatures.first(where: { start.starts(with: $0.bytes) })?.format { return found }
    if isONNX(start) { return .onnx }
    if isFlax(start) { return .flax }
    return start.count >= 64 && start.allSatisfy { $0 == 0 } ? .zeros : nil
  }

  /// A protocol buffer whose first field is a small version of ONNX's format and whose second is the producer's name.
  private static func isONNX(_ start: [UInt8]) -> Bool {
    start.count > 5 && start[0] == 0x08 && (1...32).contains(start[1]) && start[2] == 0x12 && isName(start[4...], count: Int(start[3]))
  }

  /// A map of msgpack with at most 15 entries, the first key of which is a name.
  private static func isFlax(_ start: [UInt8]) -> Bool {
    start.count > 3 && (0x81...0x8F).contains(start[0]) && (0xA1...0xBF).contains(start[1])
      && isName(start[2...], count: Int(start[1] & 0x1F))
  }

  private static func isName(_ bytes: ArraySlice<UInt8>, count: Int) -> Bool {
    count > 0 && bytes.count >= count && bytes.prefix(count).allSatisfy { (0x21...0x7E).contains($0) }
  }

  private static let signatures: [(bytes: [UInt8], format: ForeignFormat)] = [
    ([0x93] + Array("NUMPY".utf8), .npy), ([0x89] + Array("HDF\r\n".utf8), .hdf5), (Array("GGUF".utf8), .gguf),
    (Array("%PDF-".utf8), .pdf),
    ([0x1F, 0x8B], .gzip), (Array("BZh".utf8), .bzip2), ([0xFD] + Array("7zXZ".utf8), .xz), ([0x28, 0xB5, 0x2F, 0xFD], .zstandard),
    (Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], .sevenZip), (Array("Rar!".utf8), .rar),
    ([0x89] + Array("PNG".utf8), .picture("PNG")), ([0xFF, 0xD8, 0xFF], .picture("JPEG")), (Array("GIF8".utf8), .picture("GIF")),
    (Array("8BPS".utf8), .otherPicture("PSD")), ([0x76, 0x2F, 0x31, 1], .otherPicture("OpenEXR")),
    (Array("#?RADIANCE".utf8), .otherPicture("Radiance HDR")), (Array("P7\n".utf8), .otherPicture("PAM")),
    (Array("PF\n".utf8), .otherPicture("PFM")), (Array("Pf\n".utf8), .otherPicture("PFM")),
    ([0, 0, 1, 0], .otherPicture("ICO")), ([0xFF, 0x0A], .picture("JPEG XL")),
    ([0, 0, 0, 12] + Array("JXL ".utf8), .picture("JPEG XL")), ([0, 0, 0, 12] + Array("jP  ".utf8), .picture("JPEG 2000")),
    ([0x49, 0x49, 42, 0], .picture("TIFF")), ([0x4D, 0x4D, 0, 42], .picture("TIFF")), ([0x1A, 0x45, 0xDF, 0xA3], .film),
  ]

  static func textual(_ start: [UInt8]) -> ForeignFormat? {
    if has(start, "version https://git-lfs") { return .gitLFSPointer }
    guard !start.isEmpty, start.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (9...13).contains($0) || $0 == 0x1B }) else { return nil }
    // A character may be cut off at the end; anything else that is no UTF-8 is no text.
    guard let text = (0..<4).lazy.compactMap({ String(validating: start.dropLast($0), as: UTF8.self) }).first else { return nil }
    let body = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }, small = body.prefix(64).lowercased()
    if ["<!doctype html", "<html", "<head", "<body"].contains(where: small.hasPrefix) { return .webPage }
    if small.hasPrefix("<!--"), body.lowercased().contains("<html") { return .webPage }
    if small.hasPrefix("<svg") || small.hasPrefix("<?xml") && body.lowercased().contains("<svg") { return .otherPicture("SVG") }
    if small.hasPrefix("<?xml") { return .xml }
    if ["(dp", "(lp", "ccopy_reg\n", "cnumpy", "ctorch", "cos\n", "cposix\n", "c__builtin__\n"].contains(where: body.hasPrefix) {
      return .pickle
    }
    guard !body.isEmpty else { return .text("'' (white space alone)") }
    return body.first == "{" || body.first == "[" ? .json(excerpt(body)) : .text(excerpt(body))
  }

  /// The first line, in quotes and not longer than fits into a message.
  private static func excerpt(_ text: Substring) -> String {
    let line = text.prefix { !$0.isNewline }
    return line.count > 60 ? "'\(line.prefix(60))…'" : "'\(line)'"
  }

  private static func has(_ start: [UInt8], _ text: String, at offset: Int = 0) -> Bool {
    start.count >= offset && start[offset...].starts(with: text.utf8)
  }

  /// The name in a zip's first local header.
  private static func firstEntry(_ start: [UInt8]) -> String {
    guard start.count >= 30 else { return "" }
    let length = Int(start[26]) | Int(start[27]) << 8
    return String(decoding: start[30...].prefix(length), as: UTF8.self)
  }
}
