import Foundation
import Testing

@testable import Archives

private let files: [(name: String, bytes: [UInt8])] = [
  ("cats/größe.png", sampleBytes(100_000)), ("a.txt", Array("alpha".utf8)), ("cats/empty.png", []), ("dogs/二.png", sampleBytes(3000)),
]

@Suite("Files of an archive in any order") struct ArchiveIndexTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// The same files in every kind of archive that is read.
  static let kinds: [(name: String, bytes: [UInt8])] = {
    let plain = ZipBytes(files)
    var deflated = plain, streamed = plain, commented = plain, padded = plain
    deflated.entries = plain.entries.map { $0.deflated }
    streamed.entries = deflated.entries.map { entry in
      var entry = entry
      entry.flags |= 8
      return entry
    }
    commented.comment = Array("PK\u{5}\u{6} is how an end begins, and this is a comment of some length".utf8)
    padded.entries = plain.entries.map { entry in
      var entry = entry
      entry.localExtra = [0x46, 0x42, 0xE8, 3] + [UInt8](repeating: 0, count: 1000)
      return entry
    }
    var long = TarBytes(files)
    long.entries.insert(TarBytes.longName(String(repeating: "long/", count: 40) + "name.png"), at: 3)
    return [
      ("stored", plain.bytes), ("deflated", deflated.bytes), ("sizes after the data", streamed.bytes), ("comment", commented.bytes),
      ("long headers", padded.bytes), ("tar", TarBytes(files).bytes), ("gzip", Gzip.compress(TarBytes(files).bytes)),
      ("pax", long.bytes),
    ]
  }()

  /// Also when none or all of them are looked at: what was read to decide is not lost.
  @Test(arguments: kinds.indices) func filesAreSelectedByTheirFirstBytes(kind: Int) throws {
    let path = try folder.file("archive-\(UUID().uuidString)", Self.kinds[kind].bytes)
    var starts: [String: [UInt8]] = [:]
    let archive = try ArchiveIndex(path: path, memoryLimit: 1 << 20) { name, start in
      starts[name] = start()
      return start().count > 100
    }
    // Of the kind "pax" the last file has a long name.
    let files = Self.kinds[kind].name == "pax" ? Array(files.dropLast()) : files
    for file in files { #expect(starts[file.name] == Array(file.bytes.prefix(ArchiveIndex.startLength)), "\(file.name)") }
    let large = files.filter { $0.bytes.count > 100 }
    #expect(archive.entries.map(\.name).filter { !$0.hasPrefix("long/") } == large.map(\.name))
    for (index, entry) in archive.entries.enumerated() where !entry.name.hasPrefix("long/") {
      #expect(try archive.read(index, limit: 1 << 20) == large.first { $0.name == entry.name }?.bytes)
    }
  }

  @Test func aFileOfAnotherKindIsNamed() throws {
    let path = try folder.file("photos.zip", Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\n".utf8))
    let error = #expect(throws: ArchiveError.self) { try ArchiveIndex(path: path) }
    #expect(
      error?.failure == .data && error?.description.hasPrefix("\(path): is a Git LFS pointer, not the file itself; expected a zip") == true)
  }

  func index(_ bytes: [UInt8], memory: Int = 1 << 20, where isWanted: (String) -> Bool = { _ in true }) throws -> ArchiveIndex {
    try ArchiveIndex(path: folder.file("archive-\(UUID().uuidString)", bytes), memoryLimit: memory, where: isWanted)
  }

  func problem(_ bytes: [UInt8]) -> ArchiveError.Problem? { #expect(throws: ArchiveError.self) { try index(bytes) }?.problem }

  @Test(arguments: kinds.indices) func everyKindGivesTheSameBytesBackToFront(kind: Int) throws {
    let archive = try index(Self.kinds[kind].bytes)
    let names = Self.kinds[kind].name == "pax" ? String(repeating: "long/", count: 40) + "name.png" : files[3].name
    #expect(archive.entries.map(\.name) == files.prefix(3).map(\.name) + [names])
    for position in files.indices.reversed() {
      #expect(archive.entries[position].size == files[position].bytes.count)
      #expect(try archive.read(position, limit: 100_000) == files[position].bytes)
    }
  }

  @Test(arguments: [1, 5, 6]) func manyTasksReadAtATime(kind: Int) async throws {
    let archive = try index(Self.kinds[kind].bytes)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for task in 0..<200 {
        group.addTask { try archive.read(task % 4, limit: 1 << 20) == files[task % 4].bytes }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }

  @Test(arguments: kinds.indices) func unwantedEntriesArePassedOver(kind: Int) throws {
    var asked: [String] = []
    let archive = try index(Self.kinds[kind].bytes) {
      asked.append($0)
      return $0.hasPrefix("cats/")
    }
    #expect(archive.entries.map(\.name) == ["cats/größe.png", "cats/empty.png"])
    #expect(asked.count == 4)
    #expect(try archive.read(0, limit: 1 << 20) == files[0].bytes)
  }

  @Test func foldersAreNotFilesAndLinksAreNotFollowed() throws {
    var zip = ZipBytes(files)
    zip.entries.append(ZipBytes.Entry("cats/", []))
    var link = ZipBytes.Entry("link.png", Array("/etc/hostname".utf8))
    link.attributes = 0o120777 << 16
    zip.entries.append(link)
    var tar = TarBytes(files)
    for (type, target) in [("5", ""), ("1", "a.txt"), ("2", "/etc/hostname")] {
      var entry = TarBytes.Entry(type == "5" ? "cats/" : "link\(type).png", [])
      (entry.type, entry.link) = (type, target)
      tar.entries.append(entry)
    }
    #expect(try index(zip.bytes).links == ["link.png"])
    for bytes in [tar.bytes, Gzip.compress(tar.bytes)] {
      let archive = try index(bytes)
      #expect(archive.links == ["link1.png", "link2.png"])
      #expect(archive.entries.count == 4)
    }
  }

  @Test func namesOfOldZipsAreReadAsCodePage437() throws {
    var entry = ZipBytes.Entry("", [1])
    (entry.name, entry.flags) = ([0x67, 0x72, 0x94, 0xE1, 0x65], 0)
    #expect(try index(ZipBytes([entry]).bytes).entries.map(\.name) == ["größe"])
  }

  @Test func namesComeWithoutDotsAndWithSlashes() throws {
    #expect(try index(TarBytes([("./cats//a.png", [1])]).bytes).entries.map(\.name) == ["cats/a.png"])
    #expect(try index(ZipBytes([("cats\\", []), ("cats\\a.png", [1])]).bytes).entries.map(\.name) == ["cats/a.png"])
  }

  @Test func aCompressedTarIsKeptUpToTheLimit() throws {
    let bytes = Gzip.compress(TarBytes(files).bytes)
    #expect(try index(bytes, memory: 103_005).entries.count == 4)
    let error = #expect(throws: ArchiveError.self) { try index(bytes, memory: 103_004) }
    #expect(error?.problem == .tooMuchToHold(103_004))
    #expect(try index(bytes, memory: 5) { $0 == "a.txt" }.entries.count == 1)
  }
}

@Suite("Archives that lie") struct HostileArchiveTests {
  let tests: ArchiveIndexTests
  init() throws { tests = try ArchiveIndexTests() }

  func problem(_ bytes: [UInt8]) -> ArchiveError.Problem? { tests.problem(bytes) }

  /// A zip of the files, changed.
  func zip(_ change: (inout ZipBytes) -> Void) -> [UInt8] {
    var zip = ZipBytes(files)
    change(&zip)
    return zip.bytes
  }

  @Test(arguments: ["/etc/passwd.png", "../a.png", "cats/../../a.png", "..", "a\0.png"])
  func namesThatLeadElsewhereAreRefused(name: String) {
    let tar = TarBytes([(name, [1])]).bytes
    // A zero ends the name in a tar.
    for bytes in [ZipBytes([(name, [1])]).bytes] + (name.contains("\0") ? [] : [tar, Gzip.compress(tar)]) {
      guard case .unsupported(let what) = problem(bytes) else {
        Issue.record("'\(name)' was not called by its name")
        return
      }
      #expect(what.contains("leads out of the archive"))
    }
  }

  @Test func parentsWithBackslashesAreRefusedInZip() {
    guard case .unsupported = problem(ZipBytes([("..\\a.png", [1])]).bytes) else {
      Issue.record("a parent was not refused")
      return
    }
  }

  @Test func aNameThatIsThereTwiceIsRefused() {
    for names in [["a.png", "a.png"], ["a.png", "./a.png"], ["b/a.png", "b//a.png"]] {
      let twice = names.map { (name: $0, bytes: [UInt8(1)]) }
      for bytes in [ZipBytes(twice).bytes, TarBytes(twice).bytes, Gzip.compress(TarBytes(twice).bytes)] {
        #expect(problem(bytes) == .unsupported("is there twice; expected each name once"), "\(names)")
      }
    }
  }

  @Test func encryptedAndUnknownPackingAreNamed() throws {
    for flag: UInt16 in [1, 1 << 6, 1 << 13] {
      let error = #expect(throws: ArchiveError.self) { try tests.index(zip { $0.entries[3].flags |= flag }) }
      #expect(error?.description.contains("entry 'dogs/二.png': is encrypted") == true)
    }
    let packed = zip { $0.entries[3].method = 14 }
    #expect(problem(packed) == .unsupported("is packed by method 14 of zip; expected 0, stored, or 8, deflate"))
    #expect(try tests.index(packed) { !$0.hasPrefix("dogs") }.entries.count == 3)
  }

  @Test func sizesThatCannotBeAreRefusedBeforeAnythingIsRead() {
    for change: (inout ZipBytes.Entry) -> Void in [
      { $0.size += 1 }, { $0.compressedSize += 1000 }, { $0.offset = 1 << 30 },
      { ($0.method, $0.size) = (8, 3000 * 1032 + 1) }, { ($0.method, $0.size) = (8, 900) },
      { ($0.size, $0.compressedSize) = (0xFFFF_FFFF, 0xFFFF_FFFF) },
    ] {
      guard case .damaged = problem(zip { change(&$0.entries[3]) }) else {
        Issue.record("a size or place that cannot be was accepted")
        continue
      }
    }
  }

  @Test func entriesThatShareBytesAreRefused() {
    #expect(problem(zip { $0.entries[3].offset = 0 }) == .damaged("it reaches into 'dogs/二.png'"))
    #expect(problem(zip { $0.entries[3].offset = 50_000 }) == .damaged("it reaches into 'dogs/二.png'"))
  }

  @Test func anEntryThatDoesNotUnpackAsAnnouncedIsRefusedByName() throws {
    let lies: [(ZipBytes) -> ZipBytes.Entry] = [
      { with($0.entries[0].deflated) { $0.size -= 1 } }, { with($0.entries[0].deflated) { $0.size += 1 } },
      { with($0.entries[0].deflated) { $0.checksum ^= 1 } }, { with($0.entries[0].deflated) { $0.packed[500] ^= 0x55 } },
      { with($0.entries[0]) { $0.packed[500] ^= 1 } }, { with($0.entries[0]) { $0.checksum ^= 1 } },
      { with($0.entries[0]) { $0.localName = Array("other".utf8) } }, { with($0.entries[0]) { $0.localMethod = 8 } },
      { with($0.entries[0]) { $0.offset = 3 } },
    ]
    for (number, lie) in lies.enumerated() {
      let archive = try tests.index(zip { $0.entries[0] = lie($0) })
      let error = #expect(throws: ArchiveError.self, "\(number)") { try archive.read(0, limit: 1 << 20) }
      #expect(error?.entry == "cats/größe.png")
      #expect(try archive.read(3, limit: 1 << 20) == files[3].bytes)
    }
  }

  @Test func anEntryOverTheLimitIsRefusedByName() throws {
    for kind in ArchiveIndexTests.kinds {
      let archive = try tests.index(kind.bytes)
      let error = #expect(throws: ArchiveError.self, "\(kind.name)") { try archive.read(0, limit: 99_999) }
      #expect(error?.problem == .overLimit(99_999))
      #expect(error?.entry == "cats/größe.png")
    }
  }

  @Test func aMillionToOneIsNotUnpackedBeyondItsLimit() throws {
    let zeros = ZipBytes.Entry("zeros.png", [UInt8](repeating: 0, count: 1 << 20)).deflated
    let archive = try tests.index(ZipBytes([zeros]).bytes)
    #expect(throws: ArchiveError.self) { try archive.read(0, limit: 1 << 16) }
    // A stream that goes on where its header says that it ends.
    let short = with(zeros) { $0.size = 1 << 16 }
    #expect(throws: ArchiveError.self) { try tests.index(ZipBytes([short]).bytes).read(0, limit: 1 << 16) }
  }

  @Test(arguments: [0, 1, 5, 6]) func aTruncatedArchiveIsRefused(kind: Int) throws {
    let bytes = ArchiveIndexTests.kinds[kind].bytes
    for eighth in 1..<8 {
      #expect(throws: ArchiveError.self, "\(eighth)/8") { try tests.index(Array(bytes[..<(bytes.count * eighth / 8)])) }
    }
  }

  @Test func aTarEntryThatEndsBeyondTheFileIsRefused() {
    var tar = TarBytes(files)
    tar.entries[3].size = 1 << 30
    guard case .truncated = problem(tar.bytes) else {
      Issue.record("a size beyond the end was accepted")
      return
    }
  }

  @Test func aSparseFileIsRefused() {
    var tar = TarBytes(files)
    tar.entries[3].type = "S"
    #expect(problem(tar.bytes) == .unsupported("is a sparse file; make the archive again without them"))
  }

  @Test func aFileThatBecameShorterIsAnErrorNotACrash() throws {
    let path = try tests.folder.file("shrinking", TarBytes(files).bytes)
    let archive = try ArchiveIndex(path: path)
    truncate(path, 50_000)
    #expect(throws: ArchiveError.self) { try archive.read(0, limit: 1 << 20) }
  }

  @Test func aFileThatIsNotAnArchiveIsRefused() throws {
    #expect(problem(sampleBytes(2000)) == .unsupported("is neither a zip nor a tar, plain or compressed by gzip"))
    #expect(throws: ArchiveError.self) { try tests.index(Array("PK".utf8) + sampleBytes(2000)) }
    #expect(throws: ArchiveError.self) { try tests.index([]) }
    #expect(throws: ArchiveError.self) { try ArchiveIndex(path: "\(tests.folder.path)/missing.zip") }
    #expect(throws: ArchiveError.self) { try ArchiveIndex(path: tests.folder.path) }
  }
}

private func with(_ entry: ZipBytes.Entry, _ change: (inout ZipBytes.Entry) -> Void) -> ZipBytes.Entry {
  var entry = entry
  change(&entry)
  return entry
}
