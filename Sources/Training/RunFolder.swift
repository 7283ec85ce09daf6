import Checkpoints
import Foundation
import Tensors

/// The folder of one training: `recipe.yaml`, `checkpoints/<step>/`, `latest`, `log.jsonl`, `previews/`.
///
/// A checkpoint is written under another name and renamed when it is whole, so what is there can be trusted.
public struct RunFolder: Sendable {
  public let path: String

  /// An existing folder of a training.
  /// - Throws: `CheckpointError` when there is none.
  public init(existing path: String) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: recipePath) else {
      throw CheckpointError(.missing, path, "is not the folder of a training: it has no recipe.yaml")
    }
  }

  /// A new folder. It is that of a training once its recipe is written: do that after the first checkpoint, so that a
  /// training that cannot begin leaves nothing behind that would have to be resumed.
  /// - Throws: `CheckpointError` when a training is there already, or when the system refuses.
  public init(creating path: String) throws {
    self.path = path
    guard !FileManager.default.fileExists(atPath: recipePath) else {
      throw CheckpointError(
        .invalid, path, "holds a training already; go on with it by 'sfumato resume \(path)', or give another folder with --run")
    }
    for folder in [checkpointsPath, "\(path)/previews"] { try Self.makeFolder(folder) }
  }

  public var recipePath: String { "\(path)/recipe.yaml" }
  /// What the data are recognised by when the run is resumed.
  public var dataPath: String { "\(path)/data.json" }
  public var logPath: String { "\(path)/log.jsonl" }
  public func previewPath(images: Int) -> String { "\(path)/previews/\(Self.padded(images)).png" }
  private var checkpointsPath: String { "\(path)/checkpoints" }

  /// Writes the recipe in the place of an earlier one.
  public func write(recipe: String) throws { try AtomicFile.write(recipe, to: recipePath) }

  private static func makeFolder(_ path: String) throws {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
      throw CheckpointError(.io, path, "cannot be made: \((error as NSError).localizedDescription)")
    }
  }

  /// Numbers as names that sort as numbers do.
  private static func padded(_ number: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, 9 - text.count)) + text
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

// MARK: Checkpoints

extension RunFolder {
  /// The parts of a checkpoint.
  public struct Checkpoint {
    public var weights: StateDict, average: StateDict, optimizer: StateDict
    /// What the choice of timesteps has learned; empty where it learns nothing.
    public var timesteps: StateDict
    public var position: TrainingPosition

    public init(
      weights: StateDict, average: StateDict, optimizer: StateDict, timesteps: StateDict = StateDict(), position: TrainingPosition
    ) {
      self.weights = weights
      self.average = average
      self.optimizer = optimizer
      self.timesteps = timesteps
      self.position = position
    }
  }

  /// Writes a checkpoint and points `latest` to it; of the others the `keep` − 1 furthest stay.
  /// - Parameter metadata: of the model file, which holds the averaged weights.
  /// - Throws: what kept it from being written; the checkpoints that were there stand as they were.
  public func save(_ checkpoint: Checkpoint, metadata: [String: String], keep: Int) throws {
    let name = Self.padded(checkpoint.position.step)
    let temporary = "\(checkpointsPath)/.\(name).part"
    try? FileManager.default.removeItem(atPath: temporary)
    do {
      try Self.makeFolder(temporary)
      try Safetensors.write(checkpoint.average, metadata: metadata, to: "\(temporary)/model.safetensors")
      try Safetensors.write(checkpoint.weights, to: "\(temporary)/weights.safetensors")
      try Safetensors.write(checkpoint.optimizer, to: "\(temporary)/optimizer.safetensors")
      if checkpoint.timesteps.count > 0 { try Safetensors.write(checkpoint.timesteps, to: "\(temporary)/\(Self.timestepsFile)") }
      try AtomicFile.write(Self.json(checkpoint.position), to: "\(temporary)/state.json")
      try put(temporary, inPlaceOf: name)
      try AtomicFile.write(name + "\n", to: "\(path)/latest")
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    forget(allBut: keep, latest: name)
  }

  /// The newest checkpoint.
  /// - Throws: `CheckpointError` when there is none or it is not whole; training never starts over in silence.
  public func latestCheckpoint() throws -> Checkpoint {
    let folder = try latestFolder()
    let timesteps = "\(folder)/\(Self.timestepsFile)"
    return Checkpoint(
      weights: try Safetensors.read("\(folder)/weights.safetensors").state,
      average: try Safetensors.read("\(folder)/model.safetensors").state,
      optimizer: try Safetensors.read("\(folder)/optimizer.safetensors").state,
      timesteps: FileManager.default.fileExists(atPath: timesteps) ? try Safetensors.read(timesteps).state : StateDict(),
      position: try Self.position("\(folder)/state.json"))
  }

  private static let timestepsFile = "timesteps.safetensors"

  /// The model file of the newest checkpoint, from which one can sample.
  public func latestModelPath() throws -> String { "\(try latestFolder())/model.safetensors" }

  /// The folder of the newest checkpoint.
  public func latestCheckpointPath() throws -> String { try latestFolder() }

  private func latestFolder() throws -> String {
    guard let text = try? String(contentsOfFile: "\(path)/latest", encoding: .utf8) else {
      throw CheckpointError(.missing, "\(path)/latest", "is not there, so no checkpoint can be found")
    }
    let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard Self.isCheckpointName(name) else {
      throw CheckpointError(.invalid, "\(path)/latest", "does not name a checkpoint; expected the name of a folder in \(checkpointsPath)")
    }
    return "\(checkpointsPath)/\(name)"
  }

  private static func position(_ path: String) throws -> TrainingPosition {
    guard let data = FileManager.default.contents(atPath: path) else { throw CheckpointError(.missing, path, "there is no such file") }
    guard let position = try? JSONDecoder().decode(TrainingPosition.self, from: data), position.isPossible else {
      throw CheckpointError(.invalid, path, "is not the state of a training")
    }
    return position
  }

  private func put(_ temporary: String, inPlaceOf name: String) throws {
    let folder = "\(checkpointsPath)/\(name)", old = "\(checkpointsPath)/.\(name).old"
    try? FileManager.default.removeItem(atPath: old)
    if FileManager.default.fileExists(atPath: folder) { try AtomicFile.move(folder, to: old) }
    do { try AtomicFile.move(temporary, to: folder) } catch {
      try? AtomicFile.move(old, to: folder)
      throw error
    }
    try? FileManager.default.removeItem(atPath: old)
  }

  /// Removes what is not kept, and what a training that was killed left half written. What cannot be removed does no harm.
  private func forget(allBut keep: Int, latest: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
    let others = names.filter { Self.isCheckpointName($0) && $0 != latest }.sorted()
    let halves = names.filter { $0.hasPrefix(".") && ($0.hasSuffix(".part") || $0.hasSuffix(".old")) }
    for name in halves + others.dropLast(max(keep, 1) - 1) { try? FileManager.default.removeItem(atPath: "\(checkpointsPath)/\(name)") }
  }

  private static func isCheckpointName(_ name: String) -> Bool {
    !name.isEmpty && name.allSatisfy { $0.isASCII && $0.isNumber }
  }
}

// MARK: Log

extension RunFolder {
  /// Adds a line of JSON to the log.
  /// - Throws: `CheckpointError` when the system refuses; the log ends with a whole line all the same.
  public func log(_ entry: some Encodable) throws {
    let line = Array((try Self.json(entry) + "\n").utf8)
    let descriptor = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw CheckpointError.io(logPath, "cannot be written", errno) }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard Foundation.write(descriptor, line, line.count) == line.count else {
      let code = errno
      if end >= 0 { _ = ftruncate(descriptor, end) }
      throw CheckpointError.io(logPath, "cannot be written", code)
    }
  }
}
