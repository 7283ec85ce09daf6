import Foundation
import Tensors
import Testing

@testable import Checkpoints
@testable import Training

@Suite("The owner of a run folder") struct RunLockTests {
  let run: RunScratch
  var path: String { run.path }

  init() throws { run = try RunScratch() }

  /// Another process that holds the lock until its standard input ends.
  private func otherOwner() throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
    process.arguments = [path + "/lock", "/bin/sh", "-c", "echo held; read line"]
    (process.standardInput, process.standardOutput) = (Pipe(), Pipe())
    try process.run()
    let output = (process.standardOutput as! Pipe).fileHandleForReading
    try #require(String(decoding: output.availableData, as: UTF8.self) == "held\n")
    return process
  }

  private static let canHoldLocks = FileManager.default.isExecutableFile(atPath: "/usr/bin/flock")

  @Test(.enabled(if: canHoldLocks)) func isOneProcess() throws {
    let folder = try run.folder([1])
    let other = try otherOwner()
    try Data(#"{"pid":4711,"host":"elsewhere","since":"2026-01-02T03:04:05Z"}"#.utf8).write(to: URL(fileURLWithPath: path + "/lock"))
    let inUse = "\(path): is in use: process 4711 on elsewhere, since 2026-01-02T03:04:05Z, trains in it; wait until it ends, or stop it"
    for attempt: () throws -> Void in [
      { _ = try folder.lock() }, { _ = try RunFolder(creating: path) }, { _ = try folder.latestCheckpoint() },
    ] {
      let error = try #require(throws: CheckpointError.self) { try attempt() }
      #expect(error.problem == .io && error.description == inUse)
    }
    #expect(try folder.latestModelPath().hasSuffix("000000001/model.safetensors"), "samples may be drawn meanwhile")
    try (other.standardInput as! Pipe).fileHandleForWriting.close()
    other.waitUntilExit()
    _ = try folder.lock()
    #expect(try folder.latestCheckpoint().position.step == 1)
  }

  @Test(.enabled(if: canHoldLocks)) func losesTheLockWithItsProcess() throws {
    let folder = try run.folder([1])
    let other = try otherOwner()
    try Data("nonsense".utf8).write(to: URL(fileURLWithPath: path + "/lock"))
    let error = try #require(throws: CheckpointError.self) { try folder.lock() }
    #expect(error.description.contains("another process trains in it"))
    // The shell holds the lock as well as flock.
    try (other.standardInput as! Pipe).fileHandleForWriting.close()
    kill(other.processIdentifier, SIGKILL)
    other.waitUntilExit()
    for _ in 0..<100 where (try? folder.checkFree()) == nil { usleep(20_000) }
    _ = try folder.lock()
  }

  @Test func deletingTheFileOpensTheFolderToNobody() throws {
    let folder = try run.folder([1]), lock = try folder.lock()
    try FileManager.default.removeItem(atPath: path + "/lock")
    let other = open(path, O_RDONLY | O_DIRECTORY)
    defer { close(other) }
    #expect(flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    // The owner itself is let in.
    try folder.checkFree()
    #expect(try folder.lock().isFirst == false)
    withExtendedLifetime(lock) {}
  }

  @Test func aCheckpointGivenInPlaceOfTheRunNamesTheCommand() throws {
    _ = try run.folder([1])
    for place in ["checkpoints/000000001", "checkpoints/000000001/model.safetensors"] {
      let error = try #require(throws: CheckpointError.self) { try RunFolder(existing: "\(path)/\(place)") }
      #expect(error.description.contains("resume \(path) --from 000000001'"), "\(error)")
    }
    let error = try #require(throws: CheckpointError.self) { try RunFolder(existing: "\(path)/previews") }
    #expect(error.description.hasSuffix("it has no recipe.yaml"))
  }

  @Test func mayHoldItMoreThanOnceAndSaysWhoItIs() throws {
    let folder = try run.folder([1])
    var locks = [try folder.lock(), try folder.lock()]
    #expect(locks.map(\.isFirst) == [true, false])
    #expect(try String(contentsOfFile: path + "/lock", encoding: .utf8).contains("\"pid\":\(getpid())"))
    locks.removeFirst()
    #expect(try !folder.lock().isFirst, "the second still holds it")
    locks.removeAll()
    #expect(try folder.lock().isFirst)
  }

  // MARK: What a process that ended has left

  @Test func clearsAwayWhatIsHalfWrittenAndLeavesWhatOthersWrite() throws {
    let folder = try run.folder([1, 2])
    let halves = [
      "checkpoints/.000000003.part/model.safetensors", "checkpoints/.000000001.old/state.json", ".recipe.yaml.A.part", ".recipe.sum.B.part",
      ".latest.C.part", ".data.json.D.part", "previews/.000000008.png.E.part",
    ]
    let others = [".samples.png.F.part", "previews/.mine.png.G.part", "notes.part", "checkpoints/notes"]
    for file in halves + others { try run.write("x", to: file) }
    let lock = try folder.lock()
    for file in halves { #expect(!run.exists(file), "\(file)") }
    for file in others { #expect(run.exists(file), "\(file)") }
    #expect(folder.checkpointNames == ["000000001", "000000002"])
    // The folder is this process's already: what it is writing is not cleared away.
    try run.write("x", to: halves[0])
    _ = try folder.lock()
    #expect(run.exists(halves[0]))
    _ = lock
  }

  @Test func putsBackACheckpointThatWasBeingReplaced() throws {
    let folder = try run.folder([1, 2])
    try FileManager.default.moveItem(atPath: path + "/checkpoints/000000002", toPath: path + "/checkpoints/.000000002.old")
    _ = try folder.lock()
    #expect(try folder.latestCheckpoint().position.step == 2)
    #expect(!run.exists("checkpoints/.000000002.old"))
  }
}
