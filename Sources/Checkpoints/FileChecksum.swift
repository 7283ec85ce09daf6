import Archives
import Foundation

/// The length and the CRC-32 of a file, by which damage is seen: a bit that flipped, an end that is missing.
public struct FileChecksum: Codable, Sendable, Equatable {
  public let bytes: Int
  /// Eight hexadecimal digits.
  public let crc32: String

  /// Reads a file in pieces.
  /// - Throws: `CheckpointError` when it is not there or cannot be read.
  public init(ofFile path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CheckpointError.io(path, "cannot be read", errno) }
    defer { close(descriptor) }
    var sum = CRC32(), length = 0
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { piece.deallocate() }
    while true {
      let count = Foundation.read(descriptor, piece.baseAddress, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw CheckpointError.io(path, "cannot be read", errno) }
      if count == 0 { break }
      sum.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
      length += count
    }
    self.init(bytes: length, crc: sum.value)
  }

  /// The checksum of a text in UTF-8.
  public init(of text: String) {
    var text = text, sum = CRC32()
    text.withUTF8 { sum.update(UnsafeRawBufferPointer($0)) }
    self.init(bytes: text.utf8.count, crc: sum.value)
  }

  private init(bytes: Int, crc: UInt32) {
    self.bytes = bytes
    let digits = String(crc, radix: 16)
    crc32 = String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// What is wrong with a file that should have this checksum; nil where nothing is.
  public func problem(with path: String) throws -> String? {
    let found = try FileChecksum(ofFile: path)
    if found == self { return nil }
    return found.bytes == bytes
      ? "is damaged: its checksum is \(found.crc32), and \(crc32) was written"
      : "is damaged: it has \(found.bytes) bytes, and \(bytes) were written"
  }
}
