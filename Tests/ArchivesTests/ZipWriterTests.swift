import Foundation
import Testing

@testable import Archives

@Suite("Writing a zip") struct ZipWriterTests {
  let folder: TemporaryFolder
  let entries: [(name: String, bytes: [UInt8])] = [("arr_0.npy", sampleBytes(100_000)), ("größe/二.bin", [1, 2, 3]), ("empty", [])]
  var path: String { "\(folder.path)/samples.npz" }

  init() throws { folder = try TemporaryFolder() }

  private func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }

  @Test func namesAndBytesComeBackInOrder() throws {
    try ZipWriter.write(entries, to: path)
    let archive = try ArchiveReader(path: path)
    for (name, bytes) in entries {
      let entry = try #require(try archive.next())
      #expect(entry.name == name && entry.isFile)
      #expect(try entry.read(limit: 1 << 20) == bytes)
    }
    let end = try archive.next()
    #expect(end == nil)
    #expect(try names() == ["samples.npz"])
  }

  @Test func entriesAreStoredAsTheyAre() throws {
    try ZipWriter.write([("a", Array("as it stands".utf8))], to: path)
    let data = Data(try bytes())
    #expect(data.range(of: Data("as it stands".utf8)) != nil)
  }

  @Test func theSameEntriesGiveTheSameBytes() throws {
    try ZipWriter.write(entries, to: path)
    let first = try bytes()
    try ZipWriter.write(entries, to: path)
    #expect(try bytes() == first)
  }

  @Test func aFileThatCannotBeWrittenIsNamedAndTheEarlierIsKept() throws {
    let file = try folder.file("file", [1])
    try FileManager.default.createDirectory(atPath: "\(folder.path)/taken", withIntermediateDirectories: true)
    for path in ["\(folder.path)/none/a.npz", "\(file)/a.npz", "\(folder.path)/taken"] {
      let error = #expect(throws: ArchiveError.self) { try ZipWriter.write(entries, to: path) }
      #expect(error?.path == path && error?.description.hasPrefix("\(path): cannot be written: ") == true)
    }
    #expect(try names() == ["file", "taken"])
  }

  /// A limit on the size of files stands for a full disk, in a process of its own.
  @Test func aFullDiskLeavesTheEarlierFile() async {
    await #expect(processExitsWith: .success) {
      let suite = try ZipWriterTests()
      try ZipWriter.write([("a", [1])], to: suite.path)
      let before = try suite.bytes()
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
      #expect(throws: ArchiveError.self) { try ZipWriter.write(suite.entries, to: suite.path) }
      #expect(try suite.bytes() == before && suite.names() == ["samples.npz"])
    }
  }

  @Test(.timeLimit(.minutes(1))) func aDeviceIsWrittenAsItStandsAndAPipeRefused() throws {
    let null = "\(folder.path)/null.npz", pipe = "\(folder.path)/pipe.npz"
    try FileManager.default.createSymbolicLink(atPath: null, withDestinationPath: "/dev/null")
    try ZipWriter.write(entries, to: null)
    #expect(mkfifo(pipe, 0o600) == 0)
    let error = #expect(throws: ArchiveError.self) { try ZipWriter.write(entries, to: pipe) }
    #expect(error?.description.contains("cannot be written: it is a pipe") == true)
    #expect(try names() == ["null.npz", "pipe.npz"])
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: null) == "/dev/null")
  }
}
