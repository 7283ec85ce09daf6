import Foundation
import Imaging

/// A folder of its own for one test, removed with the last reference to it.
final class Folder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "imaging-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// An image in which every sample differs from its neighbours.
func patterned(width: Int, height: Int, channels: Int) -> Image {
  let bytes = (0..<(width * height * channels)).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 7) }
  return Image(width: width, height: height, channels: channels, bytes: bytes)
}

/// The smallest PNG writer there is: any colour type and depth, stored without compression.
struct TinyPNG {
  var width: Int, height: Int, depth: UInt8, colorType: UInt8
  var palette: [UInt8] = []
  /// Chunks before the pixels: name and content.
  var extra: [(name: String, content: [UInt8])] = []
  var interlaced = false
  /// The rows as the format has them, each without its filter byte.
  var rows: [[UInt8]]

  var bytes: [UInt8] {
    var result: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    result += chunk("IHDR", Self.bigEndian(width) + Self.bigEndian(height) + [depth, colorType, 0, 0, interlaced ? 1 : 0])
    if !palette.isEmpty { result += chunk("PLTE", palette) }
    for (name, content) in extra { result += chunk(name, content) }
    result += chunk("IDAT", Self.zlibStored(rows.flatMap { [0] + $0 }))
    return result + chunk("IEND", [])
  }

  private func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + content
    return Self.bigEndian(content.count) + body + Self.bigEndian(Int(crc32(body)))
  }

  static func zlibStored(_ data: [UInt8]) -> [UInt8] {
    let count = UInt16(data.count)
    let lengths = [UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)]
    var a = 1, b = 0
    for byte in data { a = (a + Int(byte)) % 65521; b = (b + a) % 65521 }
    return [0x78, 0x01, 0x01] + lengths + data + bigEndian(b << 16 | a)
  }

  private func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }

  static func bigEndian(_ value: Int) -> [UInt8] { stride(from: 24, through: 0, by: -8).map { UInt8(value >> $0 & 255) } }
}

/// A JPEG with an EXIF block that holds an orientation and nothing else.
func withOrientation(_ orientation: UInt8, _ jpeg: [UInt8]) -> [UInt8] {
  // Big-endian TIFF, whose first folder has one entry: tag 0x0112, type short, count 1.
  let header: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0, 0x4D, 0x4D, 0, 42, 0, 0, 0, 8]
  let folder: [UInt8] = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
  let length = UInt8(2 + header.count + folder.count)
  return jpeg[..<2] + [0xFF, 0xE1, 0, length] + header + folder + jpeg[2...]
}

/// An uncompressed CMYK TIFF of one colour.
func cmykTIFF(width: Int, height: Int, color: [UInt8]) -> [UInt8] {
  let pixels = (0..<(width * height)).flatMap { _ in color }
  let bitsOffset = 8 + pixels.count
  func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
  func entry(_ tag: Int, type: Int, count: Int = 1, _ value: Int) -> [UInt8] {
    little(tag, 2) + little(type, 2) + little(count, 4) + little(value, 4)
  }
  let entries = [
    entry(256, type: 3, width), entry(257, type: 3, height), entry(258, type: 3, count: 4, bitsOffset),
    entry(259, type: 3, 1), entry(262, type: 3, 5), entry(273, type: 4, 8), entry(277, type: 3, 4),
    entry(278, type: 3, height), entry(279, type: 4, pixels.count),
  ]
  let header: [UInt8] = [0x49, 0x49, 42, 0] + little(bitsOffset + 8, 4)
  let bits: [UInt8] = [8, 0, 8, 0, 8, 0, 8, 0]
  return header + pixels + bits + little(entries.count, 2) + entries.flatMap { $0 } + little(0, 4)
}

/// An image without edges, which lossy formats keep well; every channel rises in another direction.
func smooth(width: Int, height: Int, channels: Int) -> Image {
  var image = Image(width: width, height: height, color: [UInt8](repeating: 0, count: channels))
  for row in 0..<height {
    for column in 0..<width {
      let across = 255 * column / width, down = 255 * row / height
      for c in 0..<channels { image[row, column, c] = UInt8([across, down, (across + 255 - down) / 2, 255 - across / 2][c]) }
    }
  }
  return image
}
