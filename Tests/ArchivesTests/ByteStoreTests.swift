import Foundation
import Testing

@testable import Archives

@Suite("Bytes by their place") struct ByteStoreTests {
  private let folder: TemporaryFolder
  /// More than two blocks, with a period that has nothing in common with theirs.
  private static let bytes: [UInt8] = {
    let period = sampleBytes(65_521)
    var bytes: [UInt8] = []
    while bytes.count < 9 << 20 { bytes += period }
    return bytes
  }()

  init() throws { folder = try TemporaryFolder() }

  private func check(_ store: ByteStore, _ bytes: [UInt8]) throws {
    #expect(store.count == bytes.count)
    let edge = 1 << 22
    for range in [0..<16, (edge - 3)..<(edge + 5), (edge - 1)..<(2 * edge + 1), (bytes.count - 1)..<bytes.count, 7..<7] {
      guard range.upperBound <= bytes.count else { continue }
      #expect(try store.read(range) == Array(bytes[range]), "\(range)")
    }
  }

  @Test func plainAndGzipAreTheSame() throws {
    let plain = try folder.file("a", Self.bytes), compressed = try folder.file("b", Gzip.compress(Self.bytes, level: 1))
    for path in [plain, compressed] {
      let store = try ByteStore(path: path, limit: Self.bytes.count)
      try check(store, Self.bytes)
      #expect(store.name == path)
    }
    #expect(throws: ArchiveError.self) { try ByteStore(path: compressed, limit: Self.bytes.count - 1) }
    // A plain file stays where it is, whatever its size.
    try check(ByteStore(path: plain, limit: 0), Self.bytes)
  }

  @Test func anEntryOfAZipIsReadInItsPlaceOrDecompressed() throws {
    let path = "\(folder.path)/x.zip", small: [UInt8] = [1, 2, 3]
    try ZipWriter.write([("a/b.bin", Self.bytes), ("c", small), ("d.gz", Gzip.compress(small))], to: path)
    let store = try ByteStore(path: "\(path)/a/b.bin", limit: 0)
    try check(store, Self.bytes)
    #expect(store.name == "\(path): a/b.bin")
    #expect(try ByteStore(path: "\(path)/d.gz", limit: 100).read(0..<3) == small)
    let error = #expect(throws: ArchiveError.self) { try ByteStore(path: "\(path)/e", limit: 100) }
    #expect(error?.description == "\(path), entry 'e': there is no such entry; the archive holds a/b.bin, c, d.gz")
  }

  @Test func compressedEntriesAreUnpackedUpToTheLimit() throws {
    var longHeader = ZipBytes.Entry("b", [7, 8])
    longHeader.localExtra = [0xFE, 0xCA, 4, 0, 1, 2, 3, 4]
    let path = try folder.file("x.zip", ZipBytes([ZipBytes.Entry("a", Array(Self.bytes[..<70_000])).deflated, longHeader]).bytes)
    #expect(try ByteStore(path: "\(path)/a", limit: 70_000).read(69_990..<70_000) == Array(Self.bytes[69_990..<70_000]))
    #expect(throws: ArchiveError.self) { try ByteStore(path: "\(path)/a", limit: 60_000) }
    #expect(try ByteStore(path: "\(path)/b", limit: 0).read(0..<2) == [7, 8])
  }

  @Test func entriesComeInOnePass() throws {
    let path = "\(folder.path)/x.zip"
    try ZipWriter.write([("a", [1]), ("b", [2]), ("c", Gzip.compress([3, 4]))], to: path)
    let entries = try ByteStore.entries(of: path, limit: 2) { $0 != "b" }
    #expect(entries.map(\.entry) == ["a", "c"])
    #expect(try entries[1].bytes.read(0..<2) == [3, 4])
    #expect(throws: ArchiveError.self) { try ByteStore.entries(of: path, limit: 0) { $0 == "a" } }
    #expect(try ByteStore.names(in: path) == ["a", "b", "c"])
  }

  @Test func everyTruncationOfAZipIsRefusedOrGivesTheRightBytes() throws {
    try ZipWriter.write([("a", [1, 2, 3, 4])], to: "\(folder.path)/x.zip")
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/x.zip")))
    for count in 0..<whole.count {
      let cut = try folder.file("cut.zip", Array(whole.prefix(count)))
      if let store = try? ByteStore(path: "\(cut)/a", limit: 100) { #expect(try store.read(0..<4) == [1, 2, 3, 4]) }
    }
  }

  /// No number in a zip leads out of the file.
  @Test func aDamagedByteInAZipNeverTraps() throws {
    try ZipWriter.write([("a", [1, 2, 3, 4]), ("bb", [5, 6])], to: "\(folder.path)/x.zip")
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/x.zip")))
    for at in whole.indices {
      for value: UInt8 in [0, 0x7F, 0xFF] {
        var bytes = whole
        bytes[at] = value
        let path = try folder.file("bad.zip", bytes)
        if let store = try? ByteStore(path: "\(path)/a", limit: 100) { #expect(try store.read(0..<store.count).count == store.count) }
      }
    }
  }

  @Test func anEntryOfATarIsReadInItsPlaceOrDecompressed() throws {
    let tar = TarBytes([("./raw/a", [1, 2, 3]), ("b", Array(Self.bytes[..<2000]))]).bytes
    for (name, bytes) in [("x.tar", tar), ("x.tar.gz", Gzip.compress(tar))] {
      let path = try folder.file(name, bytes)
      #expect(try ByteStore(path: "\(path)/raw/a", limit: 3).read(1..<3) == [2, 3])
      #expect(try ByteStore(path: "\(path)/b", limit: 2000).read(1990..<2000) == Array(Self.bytes[1990..<2000]))
      #expect(try ByteStore.names(in: path) == ["raw/a", "b"])
      #expect(try ByteStore.start(of: "\(path)/b", count: 4) == Array(Self.bytes[..<4]))
      if name == "x.tar" { #expect(try ByteStore(path: "\(path)/b", limit: 0).count == 2000) }
    }
  }

  @Test func aMissingFileIsNamed() throws {
    #expect(#expect(throws: ArchiveError.self) { try ByteStore(path: "\(folder.path)/none", limit: 1) }?.problem == .notFound)
    #expect(#expect(throws: ArchiveError.self) { try ByteStore(path: folder.path, limit: 1) }?.problem == .notAFile)
    let text = try folder.file("text", Array("no archive".utf8))
    #expect(throws: ArchiveError.self) { try ByteStore(path: "\(text)/a", limit: 1) }
    #expect(ByteStore.mayExist("\(text)/a") && !ByteStore.mayExist("\(folder.path)/none") && !ByteStore.mayExist("\(folder.path)/none/a"))
  }

  @Test func aFileThatShrinksIsNoticed() throws {
    let path = try folder.file("a", [1, 2, 3, 4])
    let store = try ByteStore(path: path, limit: 0)
    truncate(path, 2)
    #expect(throws: ArchiveError.self) { try store.read(0..<4) }
  }
}
