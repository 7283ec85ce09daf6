import Checkpoints
import Foundation
import Tensors

extension RunFolder {
  /// The averages by a power of the step at one time, as a file of `averages/` or as part of a checkpoint.
  package struct AverageSnapshot: Sendable {
    package var path: String
    package var step: Int
    /// Updates until then, by the average's label.
    package var updates: [String: Int]
  }

  var averagesPath: String { "\(path)/averages" }

  private static let updatesKey = "updates"

  /// Keeps the averages as they are after `step` steps.
  /// - Throws: what kept the file from being written.
  package func writeSnapshot(_ averages: StateDict, updates: [String: Int], step: Int) throws {
    try Self.makeFolder(averagesPath)
    try Safetensors.write(
      averages, metadata: [Self.updatesKey: Self.json(updates)], to: "\(averagesPath)/\(Self.padded(step)).safetensors")
  }

  /// Removes the snapshots of later steps, which a training that is resumed writes again.
  package func removeSnapshots(after step: Int) {
    for (name, _) in snapshotFiles.filter({ $0.step > step }) { try? FileManager.default.removeItem(atPath: "\(averagesPath)/\(name)") }
  }

  private var snapshotFiles: [(name: String, step: Int)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: averagesPath)) ?? []
    return names.compactMap { name in
      guard name.hasSuffix(".safetensors"), Self.isCheckpointName(String(name.dropLast(".safetensors".count))) else { return nil }
      return Int(name.dropLast(".safetensors".count)).map { (name, $0) }
    }.sorted { $0.step < $1.step }
  }

  /// All snapshots, oldest first, then the averages of the newest checkpoint where they are newer.
  /// - Throws: `CheckpointError` for a file that is no snapshot.
  package func averageSnapshots() throws -> [AverageSnapshot] {
    var snapshots = try snapshotFiles.map { name, step in
      let path = "\(averagesPath)/\(name)"
      return AverageSnapshot(path: path, step: step, updates: try Self.updates(of: path))
    }
    let folder = try latestCheckpointPath(), path = "\(folder)/averages.safetensors"
    let position = try CheckpointState(file: "\(folder)/state.json").position
    if FileManager.default.fileExists(atPath: path), position.step > snapshots.last?.step ?? -1 {
      snapshots.append(AverageSnapshot(path: path, step: position.step, updates: position.averageUpdates))
    }
    return snapshots
  }

  private static func updates(of path: String) throws -> [String: Int] {
    do {
      let text = try Safetensors.header(of: path).metadata[updatesKey] ?? ""
      let updates = try JSONDecoder().decode([String: Int].self, from: Data(text.utf8))
      guard updates.count <= 1000, updates.values.allSatisfy({ (0...(1 << 53)).contains($0) }) else {
        throw CheckpointError(.invalid, path, "counts updates of its averages that are impossible")
      }
      return updates
    } catch let error as CheckpointError { throw error } catch {
      throw CheckpointError(.invalid, path, "is not a snapshot of averages: \(error); delete it to go without it")
    }
  }
}
