import Foundation

/// Checks what libarchive leaves unchecked in a gzip file: the CRC-32 and the length that end each member (RFC 1952).
///
/// A file may hold several members in a row, and libarchive does not tell where one ends. So every place where a member's
/// header could begin is noted beforehand, with the eight bytes before it; the output is then cut where one of these
/// announces exactly what came out. Where the bytes `1f 8b 08` stand inside compressed data, nothing agrees with what is
/// before them (a chance of 2^-32), and they are passed over. So is the wrong trailer of an empty member that another member
/// follows: no byte depends on it.
struct GzipTrailers {
  private struct Trailer {
    let crc: UInt32
    /// Length of the member modulo 2^32.
    let length: UInt32
  }

  /// Trailers, real and apparent, not yet passed, in the file's order. The last ends the file.
  private var ahead: ArraySlice<Trailer> = []
  private var crc = CRC32()
  private var length: UInt32 = 0
  /// How many apparent trailers are looked at, so that a file full of headers costs no more than its length.
  private static let window = 64

  init(file: Data) {
    func word(at index: Int) -> UInt32 {
      file.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: UInt32.self)) }
    }
    let header = Data([0x1F, 0x8B, 0x08])
    var from = min(18, file.count)
    while let found = file.range(of: header, in: from..<file.count) {
      let flags = found.upperBound < file.count ? file[found.upperBound] : 0xFF
      if flags & 0xE0 == 0 { ahead.append(Trailer(crc: word(at: found.lowerBound - 8), length: word(at: found.lowerBound - 4))) }
      from = found.upperBound
    }
    if file.count >= 18 { ahead.append(Trailer(crc: word(at: file.count - 8), length: word(at: file.count - 4))) }
  }

  /// Whether what came out is exactly what all the trailers announce.
  var isSatisfied: Bool { ahead.isEmpty && length == 0 }

  /// Takes the next bytes that came out of the decompressor.
  mutating func consume(_ bytes: UnsafeRawBufferPointer) {
    var at = 0
    closeMembers()
    while at < bytes.count {
      let untilTrailer = candidates.map { $0.length &- length }.filter { $0 > 0 }.min().map(Int.init) ?? Int.max
      let step = min(bytes.count - at, untilTrailer)
      crc.update(UnsafeRawBufferPointer(rebasing: bytes[at..<at + step]))
      length &+= UInt32(truncatingIfNeeded: step)
      at += step
      closeMembers()
    }
  }

  private var candidates: [Trailer] { ahead.prefix(Self.window) + (ahead.count > Self.window ? ahead.suffix(1) : []) }

  /// Ends the member where a trailer agrees with what came out; an empty member must be the very next one.
  mutating func closeMembers() {
    func agrees(_ trailer: Trailer) -> Bool { trailer.length == length && trailer.crc == crc.value }
    while let first = ahead.first {
      let isEmpty = length == 0 && crc.value == 0
      let end = agrees(first) ? ahead.startIndex : isEmpty ? nil : ahead.prefix(Self.window).firstIndex(where: agrees)
      guard let end = end ?? (!isEmpty && agrees(ahead.last!) ? ahead.endIndex - 1 : nil) else { return }
      ahead = ahead[(end + 1)...]
      (crc, length) = (CRC32(), 0)
    }
  }
}
