import Foundation
import Testing

@testable import Archives

@Suite("Reading the entries of an archive") struct ArchiveReaderTests {
  let folder: TemporaryFolder
  let files: [(name: String, bytes: [UInt8])] = [("a.txt", Array("alpha".utf8)), ("größe/二.bin", sampleBytes(100_000)), ("empty", [])]

  init() throws { folder = try TemporaryFolder() }

  func zip() -> [UInt8] { ZipBytes(files).bytes }
  func tar() -> [UInt8] { TarBytes(files).bytes }

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

  @Test func aTruncatedArchiveIsRefused() throws {
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

  @Test func aFileThatIsNotAnArchiveIsRefused() throws {
    #expect(throws: ArchiveError.self) { try contents(sampleBytes(2000)) }
    #expect(throws: ArchiveError.self) { try contents(Gzip.compress(sampleBytes(2000))) }
    #expect(throws: ArchiveError.self) { try ArchiveReader(path: "\(folder.path)/missing.zip") }
  }
}
