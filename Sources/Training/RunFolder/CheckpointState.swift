import Checkpoints
import Failures
import Foundation

/// `state.json` of a checkpoint: how far the training had come, how it was computed, and the checksums of the files beside it and of itself.
/// Those of version 0.1.0 have the position alone.
struct CheckpointState: Equatable {
  var position: TrainingPosition
  /// Checksums by the name of the file.
  var checksums: [String: FileChecksum]?
  var conditions: ComputingConditions?

  init(_ position: TrainingPosition, checksums: [String: FileChecksum], conditions: ComputingConditions? = .current) {
    self.position = position
    self.checksums = checksums
    self.conditions = conditions
  }

  /// - Parameter path: of a `state.json`.
  /// - Throws: `CheckpointError` when it is missing, damaged or no state of a training.
  init(file path: String) throws {
    guard let file = FileHandle(forReadingAtPath: path) else { throw CheckpointError(.missing, path, "there is no such file") }
    let data: Data
    do { data = try file.read(upToCount: Self.sizeLimit) ?? Data() } catch {
      throw CheckpointError(.io, path, "cannot be read: \(error.systemMessage)")
    }
    let decoder = JSONDecoder()
    guard let position = try? decoder.decode(TrainingPosition.self, from: data), position.isPossible,
      let parts = try? decoder.decode(Parts.self, from: data)
    else { throw CheckpointError(.invalid, path, "is not the state of a training") }
    self.position = position
    checksums = parts.checksums
    conditions = parts.conditions
    // Version 0.1.0 wrote neither kind of checksum.
    if checksums == nil, parts.stateCRC32 == nil { return }
    guard let own = parts.stateCRC32, own == Self.ownChecksum(of: String(decoding: data, as: UTF8.self), stated: own) else {
      throw CheckpointError(.invalid, path, "is damaged: its text does not have the checksum that it states")
    }
  }

  private static let sizeLimit = 1 << 20

  private struct Parts: Codable {
    var checksums: [String: FileChecksum]?
    var conditions: ComputingConditions?
    /// The CRC-32 of the file's text with zeros in this place.
    var stateCRC32: String?
  }

  private static let zeros = "00000000"

  private static func entry(_ checksum: String) -> String { "\"stateCRC32\":\"\(checksum)\"" }

  private static func ownChecksum(of text: String, stated: String) -> String {
    FileChecksum(of: text.replacing(entry(stated), with: entry(zeros))).crc32
  }

  /// The text of the file.
  func text() throws -> String {
    struct File: Encodable {
      let position: TrainingPosition, parts: Parts
      func encode(to encoder: any Encoder) throws {
        try position.encode(to: encoder)
        try parts.encode(to: encoder)
      }
    }
    let text = try RunFolder.json(
      File(position: position, parts: Parts(checksums: checksums, conditions: conditions, stateCRC32: Self.zeros)))
    return text.replacing(Self.entry(Self.zeros), with: Self.entry(FileChecksum(of: text).crc32))
  }
}
