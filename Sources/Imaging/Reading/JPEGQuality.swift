/// The quality at which a JPEG was saved, estimated from its quantisation table.
///
/// libjpeg scales the tables of Annex K of ITU-T T.81 by 5000/q percent below quality 50 and by 200 − 2 q percent from there on. Of the
/// 100 tables that this gives, the nearest decides; a file of another program has the quality whose table is most like its own.
enum JPEGQuality {
  /// Nil for bytes without a table of brightness before their pixels.
  static func estimate(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let table = luminanceTable(bytes) else { return nil }
    return (1...100).min { distance(table, quality: $0) < distance(table, quality: $1) }
  }

  private static func distance(_ table: [Int], quality: Int) -> Int {
    let percent = quality < 50 ? 5000 / quality : 200 - 2 * quality
    return zip(table, luminance).reduce(0) { $0 + abs($1.0 - min(max(($1.1 * percent + 50) / 100, 1), 255)) }
  }

  /// Table 0, in the order of the file; segments are walked up to the pixels.
  private static func luminanceTable(_ bytes: UnsafeRawBufferPointer) -> [Int]? {
    var start = 2
    while start + 4 <= bytes.count, bytes[start] == 0xFF, bytes[start + 1] != 0xDA {
      let end = start + 2 + (Int(bytes[start + 2]) << 8 | Int(bytes[start + 3]))
      guard end <= bytes.count, end >= start + 4 else { return nil }
      if bytes[start + 1] == 0xDB, let table = table0(UnsafeRawBufferPointer(rebasing: bytes[(start + 4)..<end])) { return table }
      start = end
    }
    return nil
  }

  private static func table0(_ segment: UnsafeRawBufferPointer) -> [Int]? {
    var start = 0
    while start < segment.count {
      let size = segment[start] >> 4 == 0 ? 1 : 2, count = 64 * size
      guard start + 1 + count <= segment.count else { return nil }
      if segment[start] & 15 == 0 {
        return (0..<64).map { place in
          (0..<size).reduce(0) { $0 << 8 | Int(segment[start + 1 + place * size + $1]) }
        }
      }
      start += 1 + count
    }
    return nil
  }

  /// Annex K, table K.1, in zigzag order, as files have it.
  private static let luminance = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51, 56, 55,
    64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
  ]
}

extension PictureReader {
  /// The quality at which a JPEG was saved, 1 to 100 on the scale of libjpeg, estimated from its quantisation table; nil for other formats.
  public var jpegQuality: Int? { format == .jpeg ? JPEGQuality.estimate(source.bytes.buffer) : nil }
}
