/// The checksum of gzip and zip: CRC-32 with the reflected polynomial 0xEDB88320 (RFC 1952, section 8).
package struct CRC32 {
  private var state: UInt32 = 0xFFFF_FFFF

  package init() {}

  package var value: UInt32 { ~state }

  /// `tables[256 * k + b]` is the effect of byte `b` followed by `k` zero bytes, so that eight bytes go in one round.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    for byte in UInt32(0)..<256 {
      var c = byte
      for _ in 0..<8 { c = (c >> 1) ^ (c & 1 == 1 ? 0xEDB8_8320 : 0) }
      tables.append(c)
    }
    for index in 256..<2048 {
      let previous = tables[index - 256]
      tables.append(tables[Int(previous & 0xFF)] ^ (previous >> 8))
    }
    return tables
  }()

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var c = state
    Self.tables.withUnsafeBufferPointer { t in
      var at = 0
      while at + 8 <= bytes.count {
        let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) ^ c
        let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
        c = 0
        for k in 0..<4 {
          let shift = UInt32(8 * k)
          c ^= t[1792 - 256 * k + Int(low >> shift & 0xFF)] ^ t[768 - 256 * k + Int(high >> shift & 0xFF)]
        }
        at += 8
      }
      while at < bytes.count {
        c = t[Int((c ^ UInt32(bytes[at])) & 0xFF)] ^ (c >> 8)
        at += 1
      }
    }
    state = c
  }
}
