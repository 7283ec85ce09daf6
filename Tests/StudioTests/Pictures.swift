import Foundation
import Imaging

/// Pictures of tests.
enum Pictures {
  static func png(width: Int = 32, height: Int = 24) -> Data {
    var image = Image(width: width, height: height, color: [200, 90, 40])
    image.paste(Image(width: width / 2, height: height / 2, color: [20, 90, 240]), row: 2, column: 3)
    return Data((try? image.encoded()) ?? [])
  }

  /// Black, with a white half.
  static func mask(side: Int) -> Data {
    var image = Image(width: side, height: side, color: [0])
    image.paste(Image(width: side / 2, height: side, color: [255]), row: 0, column: 0)
    return Data((try? image.encoded()) ?? [])
  }

  /// A PNG whose header promises more pixels than follow.
  static func bomb(width: UInt32, height: UInt32) -> Data {
    var bytes = [UInt8](png())
    for (offset, value) in [(16, width), (20, height)] {
      for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    }
    // The checksum of the header, so that it is read at all.
    let sum = crc(bytes[12..<29])
    for index in 0..<4 { bytes[29 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index)) }
    return Data(bytes)
  }

  private static func crc(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
  }
}
