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
    guard FileManager.default.fileExists(atPath: "\(path)/recipe.yaml") else {
      throw CheckpointError(.missing, path, "is not the folder of a training: it has no recipe.yaml")
    }
  }

  /// A new folder with its recipe in it.
  /// - Throws: `CheckpointError` when a training is there already.
  public init(creating path: String, recipe: String) throws {
    self.path = path
    guard !FileManager.default.fileExists(atPath: "\(path)/recipe.yaml") else {
      throw CheckpointError(
        .invalid, path, "holds a training already; go on with it by 'sfumato resume \(path)', or give another folder with --run")
    }
    do {
      for folder in ["checkpoints", "previews"] {
        try FileManager.default.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
      }
    } catch {
      throw CheckpointError(.io, path, "cannot be made: \((error as NSError).localizedDescription)")
    }
    try AtomicFile.write(recipe, to: "\(path)/recipe.yaml")
  }

  public var recipePath: String { "\(path)/recipe.yaml" }
  public var logPath: String { "\(path)/log.jsonl" }
  public func previewPath(images: Int) -> String { "\(path)/previews/\(Self.padded(images)).png" }

  // MARK: Checkpoints

  /// The parts of a checkpoint.
  public struct Checkpoint {
    public var weights: StateDict, average: StateDict, optimizer: StateDict
    public var position: TrainingPosition

    public init(weights: StateDict, average: StateDict, optimizer: StateDict, position: TrainingPosition) {
      self.weights = weights
      self.average = average
      self.optimizer = optimizer
      self.position = position
    }
  }

  /// Writes a checkpoint and points `latest` to it; of the older ones `keep` − 1 stay.
  /// - Parameter metadata: of the model file, which holds the averaged weights.
  public func save(_ checkpoint: Checkpoint, metadata: [String: String], keep: Int) throws {
    let name = Self.padded(checkpoint.position.step)
    let folder = "\(path)/checkpoints/\(name)", temporary = "\(path)/checkpoints/.\(name).part"
    let files = FileManager.default
    try? files.removeItem(atPath: temporary)
    do {
      try files.createDirectory(atPath: temporary, withIntermediateDirectories: true)
      try Safetensors.write(checkpoint.average, metadata: metadata, to: "\(temporary)/model.safetensors")
      try Safetensors.write(checkpoint.weights, to: "\(temporary)/weights.safetensors")
      try Safetensors.write(checkpoint.optimizer, to: "\(temporary)/optimizer.safetensors")
      try AtomicFile.write(Self.json(checkpoint.position), to: "\(temporary)/state.json")
      try? files.removeItem(atPath: folder)
      try files.moveItem(atPath: temporary, toPath: folder)
    } catch {
      try? files.removeItem(atPath: temporary)
      throw error
    }
    try AtomicFile.write(name + "\n", to: "\(path)/latest")
    try forget(allBut: keep)
  }

  /// The newest checkpoint.
  /// - Throws: `CheckpointError` when there is none or it is not whole; training never starts over in silence.
  public func latestCheckpoint() throws -> Checkpoint {
    let folder = try latestFolder()
    let text = try String(contentsOfFile: "\(folder)/state.json", encoding: .utf8)
    guard let position = try? JSONDecoder().decode(TrainingPosition.self, from: Data(text.utf8)) else {
      throw CheckpointError(.invalid, "\(folder)/state.json", "is not the state of a training")
    }
    return Checkpoint(
      weights: try Safetensors.read("\(folder)/weights.safetensors").state,
      average: try Safetensors.read("\(folder)/model.safetensors").state,
      optimizer: try Safetensors.read("\(folder)/optimizer.safetensors").state, position: position)
  }

  /// The model file of the newest checkpoint, from which one can sample.
  public func latestModelPath() throws -> String { "\(try latestFolder())/model.safetensors" }

  private func latestFolder() throws -> String {
    guard let name = try? String(contentsOfFile: "\(path)/latest", encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines),
      !name.isEmpty, name.allSatisfy(\.isNumber)
    else { throw CheckpointError(.missing, path, "has no checkpoint yet") }
    return "\(path)/checkpoints/\(name)"
  }

  private func forget(allBut keep: Int) throws {
    let folder = "\(path)/checkpoints"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.allSatisfy(\.isNumber) }.sorted()
    for name in names.dropLast(max(keep, 1)) { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
  }

  // MARK: Log

  /// Adds a line of JSON to the log.
  public func log(_ entry: some Encodable) throws {
    let line = try Self.json(entry) + "\n"
    let descriptor = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw CheckpointError(.io, logPath, "cannot be written: \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    let written = line.utf8CString.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count - 1) }
    guard written == line.utf8.count else {
      throw CheckpointError(.io, logPath, "cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .useDefaultKeys
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Numbers as names that sort as numbers do.
  private static func padded(_ number: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, 9 - text.count)) + text
  }
}
