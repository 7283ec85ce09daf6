import Foundation
import Tensors

/// What a process found of the pictures of a batch.
struct EvaluatedBatch {
  /// Nil where no picture could be read, or none was left for this process.
  var features: ExtractedFeatures?
  /// The class of each picture.
  var labels: [Int?]
  var unreadable: [DataReport.Unreadable]

  init(_ features: ExtractedFeatures?, labels: [Int?], unreadable: [DataReport.Unreadable]) {
    (self.features, self.labels, self.unreadable) = (features, labels, unreadable)
  }

  /// The batches of all processes, in their order; of one alone its own.
  /// - Throws: `ProcessGroupError`.
  func ofAll(in group: ProcessGroup?) throws -> [EvaluatedBatch] {
    guard let group else { return [self] }
    return try (0..<group.size).map { try EvaluatedBatch.shared(self, from: $0, in: group) }
  }

  private struct Notes: Codable {
    var labels: [Int?], unreadable: [DataReport.Unreadable]
  }

  private static func shared(_ own: EvaluatedBatch, from root: Int, in group: ProcessGroup) throws -> EvaluatedBatch {
    let isOwn = group.rank == root
    let notes = try group.broadcast(isOwn ? JSONEncoder().encode(Notes(labels: own.labels, unreadable: own.unreadable)) : nil, from: root)
    var given = StateDict()
    if isOwn, let features = own.features {
      given["features"] = features.features
      given["log_probabilities"] = features.logProbabilities
    }
    let state = try group.broadcast(given, from: root), read = try JSONDecoder().decode(Notes.self, from: notes)
    let features = state["features"].map { ExtractedFeatures(features: $0, logProbabilities: state["log_probabilities"]) }
    return EvaluatedBatch(features, labels: read.labels, unreadable: read.unreadable)
  }
}
