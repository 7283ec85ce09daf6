import Checkpoints
import Foundation

// The checkpoint whose samples were judged the best: the file `best` names it, as `latest` names the newest one.
extension RunFolder {
  private var bestPath: String { "\(path)/best" }

  /// The step of the best checkpoint; nil where none was judged, and for a file that names none.
  package var bestStep: Int? { (try? bestName()).flatMap { Int($0) } }

  /// Names the best checkpoint; none for nil.
  /// - Throws: what kept the file from being written.
  package func write(best step: Int?) throws {
    guard let step else {
      unlink(bestPath)
      return
    }
    guard step != bestStep else { return }
    try AtomicFile.write(Self.padded(step) + "\n", to: bestPath)
  }

  /// The folder of the best checkpoint.
  /// - Throws: `CheckpointError` where none was judged, and where it is gone.
  public func bestCheckpointPath() throws -> String {
    let folder = "\(checkpointsPath)/\(try bestName())"
    guard FileManager.default.fileExists(atPath: folder) else {
      throw CheckpointError(.missing, folder, "the best checkpoint of the run is gone; name the run itself for the newest one")
    }
    return folder
  }

  func bestName() throws -> String {
    guard let file = FileHandle(forReadingAtPath: bestPath), let data = try? file.read(upToCount: 64) else {
      throw CheckpointError(
        .missing, bestPath, "is not there, so no checkpoint is known to be the best; a section evaluation in the recipe judges them")
    }
    let name = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard Self.isCheckpointName(name) else {
      throw CheckpointError(.invalid, bestPath, "does not name a checkpoint; expected the name of a folder in \(checkpointsPath)")
    }
    return name
  }
}
