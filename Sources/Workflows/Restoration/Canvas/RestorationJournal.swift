import Checkpoints
import Failures
import Foundation

/// How far a run has come: written after each finished band, so that an interrupted run is continued from there, to the same bytes.
struct RestorationJournal: Codable, Equatable {
  /// Identifies the work: picture, model, settings.
  var identity: String
  /// The side of tiles in use.
  var tile: Int
  /// The step of the sampler, from 0, and its evaluation; 0 for the preparation of the first one, where it needs one.
  var step = 0, evaluation = 1
  /// The rows of this evaluation that are finished; in the last evaluation of the last step, rows of the result.
  var rows = 0
  /// The drift of the result's rows.
  var drift = ColourDrift()

  /// What an earlier run wrote; nil where there is none, or that of other work.
  init?(at path: String, identity: String) {
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path.urlPath)), data.count < 1 << 20,
      let found = try? JSONDecoder().decode(Self.self, from: data), found.identity == identity
    else { return nil }
    self = found
  }

  init(identity: String, tile: Int) { (self.identity, self.tile) = (identity, tile) }

  func write(to path: String) throws { try AtomicFile.write(String(decoding: JSONEncoder().encode(self), as: UTF8.self), to: path) }
}
