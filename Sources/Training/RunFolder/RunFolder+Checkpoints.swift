import Checkpoints
import Failures
import Foundation
import Tensors

extension RunFolder {
  /// The parts of a checkpoint.
  public struct Checkpoint {
    public var weights: StateDict, average: StateDict, optimizer: StateDict
    /// What the choice of timesteps has learned; empty where it learns nothing.
    public var timesteps: StateDict
    /// Averages beside the one that sampling uses; empty where there are none.
    public var averages: StateDict
    public var position: TrainingPosition
    /// How it was computed; nil before it is written, and for those of version 0.1.0.
    public internal(set) var conditions: ComputingConditions?

    public init(
      weights: StateDict, average: StateDict, averages: StateDict = StateDict(), optimizer: StateDict,
      timesteps: StateDict = StateDict(), position: TrainingPosition
    ) {
      self.weights = weights
      self.average = average
      self.averages = averages
      self.optimizer = optimizer
      self.timesteps = timesteps
      self.position = position
    }
  }

  /// The files of a checkpoint beside `state.json`.
  private enum Part: String, CaseIterable {
    /// The averaged weights, as a model file.
    case average = "model.safetensors"
    case weights = "weights.safetensors"
    case optimizer = "optimizer.safetensors"
    /// Only where the choice of timesteps has learned something.
    case timesteps = "timesteps.safetensors"
    /// Only where there are further averages.
    case averages = "averages.safetensors"
  }

  // MARK: Writing

  /// Which checkpoints stay when another is written.
  public struct Retention {
    /// The newest ones, the new one included; the last good one stays in any case.
    public var newest: Int
    /// The steps of others that stay, such as that of the lowest validation loss.
    public var steps: Set<Int>
    /// Whether one of so many images stays for ever.
    public var isMilestone: (_ images: Int) -> Bool

    public init(newest: Int, steps: Set<Int> = [], isMilestone: @escaping (_ images: Int) -> Bool = { _ in false }) {
      (self.newest, self.steps, self.isMilestone) = (newest, steps, isMilestone)
    }
  }

  /// Writes a checkpoint and points `latest` to it. Earlier ones go as `keep` says, and so do later ones, which a training that was
  /// resumed from an earlier checkpoint has left behind.
  /// - Parameter metadata: of the model file, which holds the averaged weights.
  /// - Throws: what kept it from being written; the folder is then as it was.
  public func save(_ checkpoint: Checkpoint, metadata: [String: String], keep: Retention) throws {
    let name = Self.padded(checkpoint.position.step)
    let temporary = "\(checkpointsPath)/.\(name).part"
    try? FileManager.default.removeItem(atPath: temporary)
    do {
      try write(checkpoint, metadata, to: temporary)
      try put(temporary, inPlaceOf: name)
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    forget(allBut: keep, latest: name)
  }

  /// Writes a checkpoint; only the newest `keep` ones stay.
  public func save(_ checkpoint: Checkpoint, metadata: [String: String], keep: Int) throws {
    try save(checkpoint, metadata: metadata, keep: Retention(newest: keep))
  }

  private func write(_ checkpoint: Checkpoint, _ metadata: [String: String], to folder: String) throws {
    try Self.makeFolder(folder)
    var checksums: [String: FileChecksum] = [:]
    for part in Part.allCases {
      let path = "\(folder)/\(part.rawValue)"
      switch part {
      case .average: try Safetensors.write(checkpoint.average, metadata: metadata, to: path)
      case .weights: try Safetensors.write(checkpoint.weights, to: path)
      case .optimizer: try Safetensors.write(checkpoint.optimizer, to: path)
      case .timesteps where checkpoint.timesteps.count == 0: continue
      case .timesteps: try Safetensors.write(checkpoint.timesteps, to: path)
      case .averages where checkpoint.averages.count == 0: continue
      case .averages: try Safetensors.write(checkpoint.averages, to: path)
      }
      checksums[part.rawValue] = try FileChecksum(ofFile: path)
    }
    try AtomicFile.write(CheckpointState(checkpoint.position, checksums: checksums).text(), to: "\(folder)/state.json")
  }

  /// Gives a whole checkpoint its name and points `latest` to it, or leaves both as they were.
  private func put(_ temporary: String, inPlaceOf name: String) throws {
    let folder = "\(checkpointsPath)/\(name)", old = "\(checkpointsPath)/.\(name).old"
    let files = FileManager.default
    try? files.removeItem(atPath: old)
    if files.fileExists(atPath: folder) { try AtomicFile.move(folder, to: old) }
    do {
      try AtomicFile.move(temporary, to: folder)
      try AtomicFile.write(name + "\n", to: "\(path)/latest")
    } catch {
      try? files.removeItem(atPath: folder)
      if files.fileExists(atPath: old) { try? AtomicFile.move(old, to: folder) }
      throw error
    }
    try? files.removeItem(atPath: old)
  }

  /// Removes what is not kept. What cannot be removed does no harm.
  private func forget(allBut keep: Retention, latest: String) {
    let names = checkpointNames, earlier = names.filter { $0 < latest }
    let lastGood = isGood(latest) ? latest : earlier.last { isGood($0) }
    let old = earlier.dropLast(max(keep.newest, 1) - 1).filter { !stays($0, by: keep) }
    for name in old + names.filter({ $0 > latest }) where name != lastGood {
      try? FileManager.default.removeItem(atPath: "\(checkpointsPath)/\(name)")
    }
  }

  /// Whether an old checkpoint stays. One whose state cannot be read is not worth keeping.
  private func stays(_ name: String, by keep: Retention) -> Bool {
    if keep.steps.contains(where: { name == Self.padded($0) }) { return true }
    return state(of: name).map { keep.isMilestone($0.position.images) } ?? false
  }

  private func state(of name: String) -> CheckpointState? { try? CheckpointState(file: "\(checkpointsPath)/\(name)/state.json") }

  // MARK: Reading

  /// The newest checkpoint.
  /// - Throws: `CheckpointError` when there is none, when another process trains in the folder, or when a file is damaged or missing,
  ///   which it names along with the newest checkpoint that is whole; training never starts over in silence.
  public func latestCheckpoint() throws -> Checkpoint {
    try checkFree()
    return try checkpoint(at: latestName())
  }

  /// One of the checkpoints.
  /// - Parameter name: its step, with leading zeros or without; `best` for the one that was judged the best.
  /// - Throws: as `latestCheckpoint()`.
  public func checkpoint(at name: String) throws -> Checkpoint {
    let name = try name == "best" ? bestName() : Int(name).map(Self.padded) ?? name, names = checkpointNames
    guard Self.isCheckpointName(name), names.contains(name) else {
      let known = names.isEmpty ? "there is none" : "there are \(names.joined(separator: ", "))"
      throw CheckpointError(.missing, "\(checkpointsPath)/\(name)", "there is no such checkpoint; \(known)")
    }
    try verifyRecipe()
    do { return try read(name) } catch let error as CheckpointError {
      throw CheckpointError(error.problem, error.path, error.message + advice(besides: name))
    }
  }

  private func read(_ name: String) throws -> Checkpoint {
    let folder = "\(checkpointsPath)/\(name)"
    let state = try Self.verify(folder)
    let part = { (part: Part) in try Self.read("\(folder)/\(part.rawValue)") }
    let partIfAny = { (part: Part) in
      let path = "\(folder)/\(part.rawValue)"
      return FileManager.default.fileExists(atPath: path) ? try Self.read(path) : StateDict()
    }
    var checkpoint = Checkpoint(
      weights: try part(.weights), average: try part(.average), averages: try partIfAny(.averages), optimizer: try part(.optimizer),
      timesteps: try partIfAny(.timesteps), position: state.position)
    checkpoint.conditions = state.conditions
    return checkpoint
  }

  private static func read(_ path: String) throws -> StateDict {
    do { return try Safetensors.read(path).state } catch let error as CheckpointError { throw error } catch let error as SafetensorsError {
      throw CheckpointError(.invalid, path, "is damaged: \(error)")
    }
  }

  /// Holds the files of a checkpoint against its checksums, where it has them.
  private static func verify(_ folder: String, only part: Part? = nil) throws -> CheckpointState {
    let state = try CheckpointState(file: "\(folder)/state.json")
    for (name, checksum) in (state.checksums ?? [:]).sorted(by: { $0.key < $1.key }) where part.map({ $0.rawValue == name }) ?? true {
      let path = "\(folder)/\(name)"
      guard Part(rawValue: name) != nil else {
        throw CheckpointError(.invalid, "\(folder)/state.json", "names '\(name)', no part of a checkpoint")
      }
      if let problem = try checksum.problem(with: path) { throw CheckpointError(.invalid, path, problem) }
    }
    return state
  }

  /// Checks the weights in the folder of a checkpoint before they are used.
  /// - Parameter isModelAlone: whether only the averaged weights are used.
  /// - Throws: `CheckpointError` for a file that is not as the training wrote it. A folder without `state.json` has nothing to check by.
  package static func verify(checkpoint folder: String, isModelAlone: Bool = false) throws {
    guard FileManager.default.fileExists(atPath: "\(folder)/state.json") else { return }
    _ = try verify(folder, only: isModelAlone ? .average : nil)
  }

  /// What to do about a checkpoint that cannot be read.
  private func advice(besides name: String) -> String {
    guard let whole = newestCheckpoint(where: { $0 != name && (try? read($0)) != nil }) else {
      return "; no other checkpoint of the run is whole: put the file back from a copy"
    }
    return "; the newest other checkpoint that is whole is \(whole): '\(ShellCommand("sfumato", "resume", path, "--from", whole))'"
  }

  // MARK: Which there are

  /// The names of the checkpoints, oldest first.
  public var checkpointNames: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []).filter(Self.isCheckpointName).sorted()
  }

  /// The newest checkpoint that one can train on from: it is whole, no step was being skipped, and the loss was where it had been.
  public var newestGoodCheckpoint: String? { newestCheckpoint { isGood($0) && (try? Self.verify("\(checkpointsPath)/\($0)")) != nil } }

  private func newestCheckpoint(where holds: (String) -> Bool) -> String? { checkpointNames.last(where: holds) }

  private func isGood(_ name: String) -> Bool {
    state(of: name)?.position.isGood ?? false
  }

  /// The command that resumes a training which diverged: from the last good checkpoint, with half the learning rate that led there, or half
  /// of the one that diverged, whichever is less.
  /// - Parameter rate: the learning rate that diverged. A checkpoint without steps, or of version 0.1.0, has none of its own.
  public func resumeCommand(afterDivergenceAt rate: Double) -> String {
    let good = newestGoodCheckpoint
    let half = min(good.flatMap { state(of: $0)?.position.learningRate } ?? rate, rate) / 2
    let isLatest = good == nil || good == (try? latestName())
    let command = ShellCommand("sfumato", "resume", path)
    return "\(command)\(isLatest ? "" : " --from \(good!)") --set training.learning_rate=\(half)"
  }

  /// The model file of the newest checkpoint, from which one can sample.
  public func latestModelPath() throws -> String { "\(try latestCheckpointPath())/\(Part.average.rawValue)" }

  /// The folder of the newest checkpoint.
  public func latestCheckpointPath() throws -> String { "\(checkpointsPath)/\(try latestName())" }

  private func latestName() throws -> String {
    guard let text = try? String(contentsOfFile: "\(path)/latest", encoding: .utf8) else {
      throw CheckpointError(.missing, "\(path)/latest", "is not there, so the newest checkpoint is not known" + advice(besides: ""))
    }
    let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard Self.isCheckpointName(name) else {
      throw CheckpointError(
        .invalid, "\(path)/latest",
        "does not name a checkpoint; expected the name of a folder in \(checkpointsPath)" + advice(besides: ""))
    }
    return name
  }

  static func isCheckpointName(_ name: String) -> Bool {
    !name.isEmpty && name.count <= 19 && name.allSatisfy { $0.isASCII && $0.isNumber }
  }
}
