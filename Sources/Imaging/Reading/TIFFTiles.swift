/// The largest piece of a TIFF that is decoded at once: a tile, of which a small picture may have a huge one.
///
/// libvips allocates a whole tile before anything in it is read. Format: TIFF 6.0, sections 2 and 15, and BigTIFF.
enum TIFFTiles {
  /// Pixels of the largest tile of the first picture; nil where it has strips, or where the header cannot be read.
  static func area(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 16 else { return nil }
    let reader = Reader(bytes: bytes, isLittle: bytes[0] == 0x49)
    let isBig = reader.number(at: 2, size: 2) == 43
    guard let start = isBig ? reader.number(at: 8, size: 8) : reader.number(at: 4, size: 4),
      let count = reader.number(at: start, size: isBig ? 8 : 2), count <= 1 << 16
    else { return nil }
    // An entry: tag, type, number of values, and the value, or where it is.
    let size = isBig ? 20 : 12, first = start + (isBig ? 8 : 2), valueAt = isBig ? 12 : 8
    var sides: [Int: Int] = [:]
    for entry in 0..<count {
      let at = first + entry * size
      guard let tag = reader.number(at: at, size: 2) else { break }
      guard tag == 322 || tag == 323, let type = reader.number(at: at + 2, size: 2) else { continue }
      sides[tag] = reader.number(at: at + valueAt, size: type == 3 ? 2 : type == 16 ? 8 : 4)
    }
    guard let width = sides[322], let height = sides[323] else { return nil }
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    return overflow ? .max : area
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let isLittle: Bool

    /// Nil beyond the end, and for numbers beyond Int.
    func number(at offset: Int, size: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - size else { return nil }
      let value = (0..<size).reduce(0 as UInt64) { value, index in
        value << 8 | UInt64(bytes[offset + (isLittle ? size - 1 - index : index)])
      }
      return Int(exactly: value)
    }
  }
}
