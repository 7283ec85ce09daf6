/// Little-endian numbers, one after the other, each checked against the end.
struct ByteCursor {
  /// Where something was to be read that is not there.
  struct End: Error {
    let offset: Int
  }
  let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int

  /// - Parameters: bytes: must outlive the cursor; offset: at most their number.
  init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    precondition(offset >= 0 && offset <= bytes.count)
    self.bytes = bytes
    self.offset = offset
  }

  var left: Int { bytes.count - offset }

  mutating func take(_ count: Int) throws(End) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= left else { throw End(offset: offset) }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(End) -> Number {
    Number(littleEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: type))
  }

  /// The bytes up to the next line feed, which is passed.
  mutating func line() throws(End) -> UnsafeRawBufferPointer {
    guard let end = bytes[offset...].firstIndex(of: 0x0A) else { throw End(offset: offset) }
    defer { offset = end + 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
  }
}
