/// Checks for truncation without decoding, by the marks between the parts of a file.
enum TruncationCheck {
  /// Whether a JPEG, PNG or WebP has no end. Files of other formats are never called truncated.
  static func isTruncated(_ bytes: UnsafeRawBufferPointer, format: PictureFormat) -> Bool {
    switch format {
    case .jpeg: jpegIsTruncated(bytes)
    case .png: pngIsTruncated(bytes)
    case .webp: bytes.count < 12 || number(bytes, at: 4, littleEndian: true) + 8 > bytes.count
    // Netpbm's reader checks the length against the header.
    case .gif, .tiff, .heif, .jpegXL, .jpeg2000, .netpbm, .bmp: false
    }
  }

  /// Looks for the end marker FF D9 from the end of the file; coded pixels hold no such pair, a thumbnail in a segment before
  /// them may.
  private static func jpegIsTruncated(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var start = 2
    while start + 4 <= bytes.count && bytes[start] == 0xFF && bytes[start + 1] != 0xDA {
      start += 2 + (Int(bytes[start + 2]) << 8 | Int(bytes[start + 3]))
    }
    var index = bytes.count - 2
    while index >= start {
      if bytes[index] == 0xFF && bytes[index + 1] == 0xD9 { return false }
      index -= 1
    }
    return true
  }

  /// Walks from chunk to chunk until the one that says that nothing follows.
  private static func pngIsTruncated(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var start = 8
    while start + 12 <= bytes.count {
      if bytes[(start + 4)..<(start + 8)].elementsEqual("IEND".utf8) { return false }
      start += 12 + number(bytes, at: start)
    }
    return true
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int, littleEndian: Bool = false) -> Int {
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return Int(littleEndian ? UInt32(littleEndian: value) : UInt32(bigEndian: value))
  }
}
