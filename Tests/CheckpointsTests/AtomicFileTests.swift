import Foundation
import Testing

@testable import Checkpoints

@Suite("Writing a file whole or not at all") struct AtomicFileTests {
  let folder: TemporaryFolder
  var path: String { "\(folder.path)/state" }

  init() throws { folder = try TemporaryFolder() }

  @Test func piecesFollowEachOtherAndNothingElseIsLeft() throws {
    try AtomicFile.write(to: path) { put in
      for piece in [[1, 2], [], [3]] as [[UInt8]] { try piece.withUnsafeBytes(put) }
    }
    #expect(try folder.bytes("state") == [1, 2, 3])
    try AtomicFile.write("größer\n", to: path)
    #expect(try folder.bytes("state") == Array("größer\n".utf8))
    try AtomicFile.write(to: path) { _ in }
    #expect(try folder.bytes("state") == [])
    #expect(try folder.names == ["state"])
  }

  @Test func aBodyThatThrowsMidwayLeavesTheEarlierFileAndNoOther() throws {
    struct Interruption: Error {}
    for earlier in [nil, "earlier"] {
      if let earlier { try AtomicFile.write(earlier, to: path) }
      #expect(throws: Interruption.self) {
        try AtomicFile.write(to: path) { put in
          try [UInt8](repeating: 1, count: 100_000).withUnsafeBytes(put)
          throw Interruption()
        }
      }
      #expect(try folder.names == (earlier == nil ? [] : ["state"]))
      if let earlier { #expect(try folder.bytes("state") == Array(earlier.utf8)) }
    }
  }

  @Test func ofTwoWritersAtATimeTheLastWinsAndBothAreWhole() throws {
    let half = [UInt8](repeating: 1, count: 1000)
    try AtomicFile.write(to: path) { put in
      try half.withUnsafeBytes(put)
      try AtomicFile.write("another", to: path)
      #expect(try folder.bytes("state") == Array("another".utf8))
      try half.withUnsafeBytes(put)
      #expect(try folder.bytes("state") == Array("another".utf8))
    }
    #expect(try folder.bytes("state") == half + half)
    #expect(try folder.names == ["state"])
  }

  @Test func whatCannotBeWrittenIsATypedErrorThatNamesThePath() throws {
    let file = try folder.file("file", [1])
    try FileManager.default.createDirectory(atPath: "\(folder.path)/taken", withIntermediateDirectories: true)
    for (path, kind, words) in [
      ("\(folder.path)/none/state", CheckpointError.Problem.missing, "cannot be written: No such file or directory"),
      ("\(file)/state", .io, "cannot be written: Not a directory"),
      ("\(folder.path)/taken", .io, "cannot be written: it is a folder"),
      ("\(folder.path)/\(String(repeating: "n", count: 300))", .io, "cannot be written: File name too long"),
    ] {
      let error = #expect(throws: CheckpointError.self) { try AtomicFile.write("text", to: path) }
      #expect(error?.problem == kind && error?.description == "\(path): \(words)")
    }
    #expect(try folder.names == ["file", "taken"])
  }

  /// A limit on the size of files stands for a full disk, in a process of its own.
  @Test func aFullDiskLeavesTheEarlierFileAndSaysSo() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      try AtomicFile.write("earlier", to: "\(folder.path)/state")
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4096, rlim_max: 4096)
      setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
      let error = #expect(throws: CheckpointError.self) {
        try AtomicFile.write(String(repeating: "later", count: 10_000), to: "\(folder.path)/state")
      }
      #expect(error?.problem == .io)
      #expect(error?.message.hasSuffix("; what was there before is untouched, free some space and resume") == true)
      #expect(try folder.bytes("state") == Array("earlier".utf8))
      #expect(try folder.names == ["state"])
    }
  }
}
