import Checkpoints
import Failures
import Foundation

/// The folder of one training: `recipe.yaml`, `recipe.sum`, `data.json`, `checkpoints/<step>/`, `latest`, `best`, `averages/`, `log.jsonl`,
/// `previews/`, `tensorboard/`, `report.html`, `lock`.
///
/// Files and checkpoints are written under another name and renamed when they are whole, so what is there can be trusted; checksums
/// say whether it has been damaged since. Only the process that holds the `lock` writes.
public struct RunFolder: Sendable {
  public let path: String

  /// An existing folder of a training.
  /// - Throws: `CheckpointError` when there is none.
  public init(existing path: String) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: recipePath) else {
      throw CheckpointError(.missing, path, "is not the folder of a training: it has no recipe.yaml\(Self.advice(for: path))")
    }
  }

  /// How to resume from what may be a checkpoint, or a file of one.
  private static func advice(for path: String) -> String {
    var place = path
    for _ in 0..<2 {
      let name = (place as NSString).lastPathComponent, checkpoints = place.parentFolder
      if isCheckpointName(name), (checkpoints as NSString).lastPathComponent == "checkpoints" {
        let run = checkpoints.parentFolder
        return "; resume from this checkpoint with '\(ShellCommand("sfumato", "resume", run.isEmpty ? "." : run, "--from", name))'"
      }
      place = checkpoints
    }
    return ""
  }

  /// A new folder. It is that of a training once its recipe is written: do that after the first checkpoint, so that a
  /// training that cannot begin leaves nothing behind that would have to be resumed.
  /// - Throws: `CheckpointError` when a training is there already, or when the system refuses.
  public init(creating path: String) throws {
    self.path = path
    try checkFree()
    guard !FileManager.default.fileExists(atPath: recipePath) else {
      throw CheckpointError(
        .invalid, path,
        "holds a training already; resume it by '\(ShellCommand("sfumato", "resume", path))', or give another folder with --run")
    }
    // A training that was killed while it began leaves the checkpoint of step 0.
    guard checkpointNames.allSatisfy({ Int($0) == 0 }) else {
      throw CheckpointError(
        .invalid, path,
        "holds checkpoints of a training whose recipe.yaml is missing; put that back to resume it, or give another folder with --run")
    }
    for folder in [checkpointsPath, "\(path)/previews"] { try Self.makeFolder(folder) }
  }

  /// The folder in which another process of the same training writes; this one only names it.
  package init(ofOtherProcess path: String) { self.path = path }

  /// Takes back what `init(creating:)` and a first checkpoint made, where the recipe was not written in the end. What was there before
  /// stays, for only empty folders are removed.
  /// - Parameter checkpoint: the step of the checkpoint that was written; nil for none.
  public func removeUnbegun(checkpoint: Int?) {
    let files = FileManager.default
    guard !files.fileExists(atPath: recipePath) else { return }
    if let checkpoint {
      try? files.removeItem(atPath: "\(checkpointsPath)/\(Self.padded(checkpoint))")
      unlink("\(path)/latest")
    }
    guard rmdir(checkpointsPath) == 0 else { return }
    rmdir("\(path)/previews")
    for file in [dataPath, "\(path)/recipe.sum", "\(path)/lock"] { unlink(file) }
    rmdir(path)
  }

  public var recipePath: String { "\(path)/recipe.yaml" }
  /// What the data are recognised by when the run is resumed.
  public var dataPath: String { "\(path)/data.json" }
  public var logPath: String { "\(path)/log.jsonl" }
  public func previewPath(images: Int) -> String { "\(path)/previews/\(Self.padded(images)).png" }
  var checkpointsPath: String { "\(path)/checkpoints" }

  /// Refuses a folder in which another process trains.
  /// - Throws: `CheckpointError` of the class `io` that names the process.
  public func checkFree() throws { try RunLock.check(lockPath) }

  static func makeFolder(_ path: String) throws {
    if let problem = path.makeFolder() { throw CheckpointError(.io, path, "cannot be made: \(problem)") }
  }

  /// Numbers as names that sort as numbers do.
  static func padded(_ number: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, 9 - text.count)) + text
  }

  /// A line of the log.
  package static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
