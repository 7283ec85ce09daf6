import Foundation
import Testing

@testable import Archives

@Suite("Reading the bytes of a gzip or plain file") struct ByteReaderTests {
  let folder: TemporaryFolder
  let content = sampleBytes(3000)
  /// For the tests that try every byte.
  let short = sampleBytes(300)

  init() throws { folder = try TemporaryFolder() }

  /// What reading the whole file gives: its bytes, or what is wrong with it.
  func outcome(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> Result<[UInt8], ArchiveError> {
    let path = try folder.file("file", bytes)
    do throws(ArchiveError) { return .success(try ByteReader(path: path).readToEnd(limit: limit)) } catch { return .failure(error) }
  }

  func problem(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> ArchiveError.Problem? {
    guard case .failure(let error) = try outcome(bytes, limit: limit) else { return nil }
    return error.problem
  }

  @Test func aGzipFileAndAPlainFileGiveTheSameBytesInPieces() throws {
    for bytes in [content, Gzip.compress(content)] {
      let reader = try ByteReader(path: folder.file("file", bytes))
      #expect(reader.isCompressed == (bytes != content))
      #expect(try reader.read(count: 16) == Array(content[..<16]))
      #expect(try reader.read(count: 0) == [])
      #expect(try reader.read(count: 2000) == Array(content[16..<2016]))
      #expect(reader.offset == 2016)
      #expect(try reader.readToEnd(limit: 984) == Array(content[2016...]))
      try reader.expectEnd()
    }
  }

  @Test func contentLargerThanEveryBufferSurvives() throws {
    let long = sampleBytes(300_000)
    #expect(try outcome(Gzip.compress(long)).get() == long)
    #expect(try outcome(long).get() == long)
  }

  @Test func nothingComesOutOfAnEmptyFileOrAnEmptyMember() throws {
    #expect(try outcome([]).get() == [])
    #expect(try outcome(Gzip.compress([])).get() == [])
  }

  @Test func aHeaderWithANameIsPassedOver() throws {
    var named = Gzip.compress(content)
    named[3] |= 8
    named.insert(contentsOf: Array("digits\u{0}".utf8), at: 10)
    #expect(try outcome(named).get() == content)
  }

  @Test func membersInARowAreJoinedAndEachIsVerified() throws {
    let parts: [[UInt8]] = [content, [], [], Array("two".utf8), sampleBytes(70_000), []]
    let members = parts.map { Gzip.compress($0) }
    #expect(try outcome(members.flatMap { $0 }).get() == parts.flatMap { $0 })
    for broken in members.indices where !parts[broken].isEmpty {
      var copy = members
      copy[broken][copy[broken].count - 6] ^= 1
      #expect(throws: ArchiveError.self) { try outcome(copy.flatMap { $0 }).get() }
    }
  }

  @Test func headersStandingInTheDataAreNotTakenForMembersNorDecompressed() throws {
    // Stored, not compressed (RFC 1951, 3.2.4), so that the inner members stand verbatim in the outer one.
    let inner = (0..<50).flatMap { Gzip.compress(Array(content[..<(10 + $0)])) }
    var crc = CRC32()
    inner.withUnsafeBytes { crc.update($0) }
    let size = UInt32(inner.count)
    let outer =
      [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1] + littleEndian([size, ~size], bytes: 2) + inner + littleEndian([crc.value, size], bytes: 4)
    #expect(try outcome(outer).get() == inner)
    #expect(try outcome(outer + Gzip.compress(content)).get() == inner + content)
  }

  @Test func aFileTruncatedAnywhereIsRefused() throws {
    let whole = Gzip.compress(short)
    for count in 2..<whole.count {
      guard case .truncated = try problem(Array(whole[..<count])) else {
        Issue.record("cut to \(count) of \(whole.count) bytes: \(try outcome(Array(whole[..<count])))")
        continue
      }
    }
  }

  @Test func everyFlippedByteOfDataAndTrailerIsNoticed() throws {
    let whole = Gzip.compress(short)
    for index in 10..<whole.count {
      var flipped = whole
      flipped[index] ^= 0x10
      if case .success(let bytes) = try outcome(flipped) {
        // Only the bits that pad the last byte of the data carry nothing.
        #expect(bytes == short && index == whole.count - 9, "byte \(index)")
      }
    }
    var wrongSum = whole
    wrongSum[whole.count - 7] ^= 0xFF
    guard case .damaged = try problem(wrongSum) else { Issue.record("a wrong checksum is called something else"); return }
  }

  @Test func bytesAfterTheEndAreRefused() throws {
    #expect(try problem(Gzip.compress(content) + [0, 0, 7]) == .trailingBytes(3))
    #expect(try problem(Gzip.compress(content) + [0x1F, 0x8B]) == .trailingBytes(2))
  }

  @Test func expectEndRefusesContentThatWasNotRead() throws {
    for bytes in [content, Gzip.compress(content)] {
      let reader = try ByteReader(path: folder.file("file", bytes))
      _ = try reader.read(count: 2990)
      #expect(throws: ArchiveError(reader.path, .trailingBytes(10))) { try reader.expectEnd() }
    }
  }

  @Test func aFalseCountIsAnErrorAndNotAnAllocation() throws {
    for bytes in [content, Gzip.compress(content)] {
      let reader = try ByteReader(path: folder.file("file", bytes))
      let error = #expect(throws: ArchiveError.self) { try reader.read(count: Int.max) }
      #expect(
        error?.description
          == "\(reader.path): the file is truncated: expected \(Int.max) bytes from byte 0 on, found 3000; get it again")
    }
  }

  @Test func aBombStopsAtTheLimit() throws {
    let bomb = Gzip.compress([UInt8](repeating: 0, count: 5_000_000))
    #expect(bomb.count < 6000)
    #expect(try problem(bomb, limit: 100_000) == .overLimit(100_000))
    #expect(try outcome(bomb, limit: 5_000_000).get().count == 5_000_000)
    #expect(try problem(content, limit: 2999) == .overLimit(2999))
  }

  @Test func aPathThatIsNotAFileIsNamedAsSuch() {
    let missing = "\(folder.path)/missing.gz"
    #expect(throws: ArchiveError(missing, .notFound)) { try ByteReader(path: missing) }
    #expect(throws: ArchiveError(folder.path, .notAFile)) { try ByteReader(path: folder.path) }
    #expect(throws: ArchiveError("/dev/null", .notAFile)) { try ByteReader(path: "/dev/null") }
  }

  @Test func aDamagedHeaderIsNotHandedOutAsPlainBytes() throws {
    var bytes = Gzip.compress(content)
    bytes[2] = 7
    guard case .damaged = try problem(bytes) else { Issue.record("\(try outcome(bytes))"); return }
  }

  @Test func theChecksumIsTheOneOfTheStandard() {
    var crc = CRC32()
    Array("1234".utf8).withUnsafeBytes { crc.update($0) }
    Array("56789".utf8).withUnsafeBytes { crc.update($0) }
    #expect(crc.value == 0xCBF4_3926)  // The check value of CRC-32, as given in every catalogue of checksums.
  }
}
