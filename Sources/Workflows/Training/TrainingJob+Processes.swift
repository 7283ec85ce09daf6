import Failures
import Foundation
import Tensors
import Training

// Training by several processes. Each has the whole network and computes a part of every batch; the first alone writes.
extension TrainingJob {
  /// The processes that train together; nil for one alone.
  var group: ProcessGroup? { trainer.group }
  /// Their number.
  public var processCount: Int { group?.size ?? 1 }
  /// Whether this process writes the run folder and shows what happens.
  public var isWriter: Bool { group.isFirst }

  /// Whether to stop after this step because the user asked for it: of several processes all, when one was asked.
  public var isStopping: Bool { group == nil ? Interruption.isRequested : trainer.isStopAgreed }

  /// Waits until the first process has written everything. Call it last, in every process.
  public func leave() throws { try group?.barrier() }

  /// Gives all processes the state of the first.
  func synchronize() throws {
    guard let group else { return }
    let own = isWriter ? checkpoint() : nil
    let position = try group.broadcast(own.map { try JSONEncoder().encode($0.position) })
    let checkpoint = RunFolder.Checkpoint(
      weights: try group.broadcast(own?.weights), average: try group.broadcast(own?.average),
      averages: try group.broadcast(own?.averages), optimizer: try group.broadcast(own?.optimizer),
      timesteps: try group.broadcast(own?.timesteps), position: try JSONDecoder().decode(TrainingPosition.self, from: position))
    guard !isWriter else { return }
    try restoreTimesteps(checkpoint)
    try restore(checkpoint)
    log = TrainingLog(from: trainer.position)
    savedStep = trainer.step
  }

  /// The folder that the first process opens or makes; the others only name it.
  static func sharedFolder(in group: ProcessGroup, _ folder: () throws -> RunFolder) throws -> RunFolder {
    let own = group.rank == 0 ? try folder() : nil
    let path = String(decoding: try group.broadcast(own.map { Data($0.path.utf8) }), as: UTF8.self)
    return own ?? RunFolder(ofOtherProcess: path)
  }
}
