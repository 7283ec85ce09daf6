import Foundation
import Testing

@testable import Archives

@Suite("Reading the entries of an archive") struct ArchiveReaderTests {
  let folder: TemporaryFolder
  let files: [(name: String, bytes: [UInt8])] = [("a.txt", Array("alpha".utf8)), ("größe/二.bin", sampleBytes(100_000)), ("empty", [])]

  init() throws { folder = try TemporaryFolder() }

  /// A zip of stored entries, by the published layout (APPNOTE 4.3.7, 4.3.12, 4.3.16); names flagged as UTF-8.
  func zip() -> [UInt8] {
    var body: [UInt8] = [], directory: [UInt8] = []
    for file in files {
      var crc = CRC32()
      file.bytes.withUnsafeBytes { crc.update($0) }
      let size = UInt32(file.bytes.count), name = Array(file.name.utf8)
      let common =
        littleEndian([20, 0x0800, 0, 0, 0x21], bytes: 2) + littleEndian([crc.value, size, size], bytes: 4)
        + littleEndian([UInt32(name.count), 0], bytes: 2)
      directory += littleEndian([0x0201_4B50], bytes: 4) + littleEndian([20], bytes: 2) + common
      directory += littleEndian([0, 0, 0], bytes: 2) + littleEndian([0, UInt32(body.count)], bytes: 4) + name
      body += littleEndian([0x0403_4B50], bytes: 4) + common + name + file.bytes
    }
    let count = UInt32(files.count)
    return body + directory + littleEndian([0x0605_4B50], bytes: 4) + littleEndian([0, 0, count, count], bytes: 2)
      + littleEndian([UInt32(directory.count), UInt32(body.count)], bytes: 4) + [0, 0]
  }

  /// A POSIX ustar archive.
  func tar() -> [UInt8] {
    func octal(_ value: Int, _ width: Int) -> [UInt8] {
      let digits = String(value, radix: 8)
      return Array((String(repeating: "0", count: width - 1 - digits.count) + digits + "\u{0}").utf8)
    }
    var archive: [UInt8] = []
    for file in files {
      var header = Array(file.name.utf8)
      header += [UInt8](repeating: 0, count: 100 - header.count)
      header += octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(file.bytes.count, 12) + octal(0, 12)
      header += Array("        0".utf8) + [UInt8](repeating: 0, count: 100) + Array("ustar\u{0}00".utf8)
      header += [UInt8](repeating: 0, count: 512 - header.count)
      header.replaceSubrange(148..<156, with: octal(header.reduce(0) { $0 + Int($1) }, 7) + [0x20])
      archive += header + file.bytes + [UInt8](repeating: 0, count: (512 - file.bytes.count % 512) % 512)
    }
    return archive + [UInt8](repeating: 0, count: 1024)
  }

  func contents(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [(name: String, bytes: [UInt8])] {
    let archive = try ArchiveReader(path: folder.file("archive", bytes))
    var found: [(name: String, bytes: [UInt8])] = []
    while let entry = try archive.next() {
      #expect(entry.isFile)
      found.append((entry.name, try entry.read(limit: limit)))
    }
    return found
  }

  @Test func zipAndTarAndCompressedTarGiveNamesAndBytesInOrder() throws {
    for archive in [zip(), tar(), Gzip.compress(tar())] {
      let found = try contents(archive)
      #expect(found.map { $0.name } == files.map { $0.name })
      #expect(found.map { $0.bytes } == files.map { $0.bytes })
    }
  }

  @Test func aFlippedByteInAnEntryIsNoticedInZipAndInCompressedTar() throws {
    var archive = zip()
    archive[50_000] ^= 4
    #expect(throws: ArchiveError.self) { try contents(archive) }
    archive = Gzip.compress(tar())
    archive[archive.count - 8] ^= 4
    #expect(throws: ArchiveError.self) { try contents(archive) }
  }

  @Test func anArchiveCutShortIsRefused() throws {
    for archive in [zip(), tar(), Gzip.compress(tar())] {
      for eighth in 1..<8 {
        #expect(throws: ArchiveError.self, "\(eighth)/8") { try contents(Array(archive[..<(archive.count * eighth / 8)])) }
      }
    }
  }

  @Test func anEntryOverTheLimitIsRefusedByName() throws {
    let error = #expect(throws: ArchiveError.self) { try contents(zip(), limit: 99_999) }
    #expect(error?.problem == .overLimit(99_999))
    #expect(error?.entry == "größe/二.bin")
  }

  @Test func anEntryReadTooLateIsRefused() throws {
    let archive = try ArchiveReader(path: folder.file("archive", zip()))
    let first = try #require(try archive.next())
    _ = try archive.next()
    let error = #expect(throws: ArchiveError.self) { try first.read(limit: 1000) }
    #expect(error?.problem == .entryPassed)
  }

  @Test func whatIsNoArchiveIsRefused() throws {
    #expect(throws: ArchiveError.self) { try contents(sampleBytes(2000)) }
    #expect(throws: ArchiveError.self) { try contents(Gzip.compress(sampleBytes(2000))) }
    #expect(throws: ArchiveError.self) { try ArchiveReader(path: "\(folder.path)/missing.zip") }
  }
}
