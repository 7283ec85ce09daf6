/// The checksum of TFRecord files: CRC-32 with Castagnoli's polynomial, reflected 0x82F63B78 (RFC 3720, appendix B.4), masked so that
/// the checksum of data that contain checksums stays useful.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { c, _ in (c >> 1) ^ (c & 1 == 1 ? 0x82F6_3B78 : 0) }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(0xFFFF_FFFF) { c, byte in table[Int((c ^ UInt32(byte)) & 0xFF)] ^ (c >> 8) }
  }

  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let crc = of(bytes)
    return ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
  }
}
