import Failures

/// Little-endian numbers, one after the other, each checked against the end.
public struct ByteCursor {
  /// The offset of a read beyond the end.
  public struct End: ClassifiedError {
    public var failure: Failure { .data }
    public let offset: Int
  }
  public let bytes: UnsafeRawBufferPointer
  public private(set) var offset: Int

  /// - Parameters: bytes: must outlive the cursor; offset: at most their number.
  public init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
    precondition(offset >= 0 && offset <= bytes.count)
    self.bytes = bytes
    self.offset = offset
  }

  public var left: Int { bytes.count - offset }

  public mutating func take(_ count: Int) throws(End) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= left else { throw End(offset: offset) }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  public mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(End) -> Number {
    Number(littleEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: type))
  }

  /// The bytes up to the next line feed, which is passed.
  public mutating func line() throws(End) -> UnsafeRawBufferPointer {
    guard let end = bytes[offset...].firstIndex(of: 0x0A) else { throw End(offset: offset) }
    defer { offset = end + 1 }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
  }
}
