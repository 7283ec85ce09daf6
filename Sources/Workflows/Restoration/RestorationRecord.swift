import Checkpoints
import Foundation
import Imaging
import Models
import Tensors
import Training

/// Everything that determines a result: by it a finished file is known again, and unfinished work is continued.
struct RestorationRecord: Codable, Equatable {
  /// Everything but picture and model.
  struct Settings: Codable, Equatable {
    var scale: Double, strengths: [String: Double]
    var evaluations: Int, detail: Double, seed: UInt64
    var tile: Int?, overlap: Int
    var precision: Precision, color: Bool
    var profile: String, ending: String, quality: Int?
    /// Of a restoration by a prior alone.
    var prior: Prior?
  }

  struct Prior: Codable, Equatable {
    let `class`: String?, mask: String?, noise: Double, colorize: Bool, settings: [String]

    init(_ request: PriorRequest, mask: FileChecksum?) {
      (`class`, self.mask, noise) = (request.className, mask?.crc32, request.noise)
      (colorize, settings) = (request.colorize, request.settings)
    }
  }

  let input: FileChecksum, model: FileChecksum
  let settings: Settings

  /// The key of the note in a PNG.
  static let key = "sfumato.restore"

  private func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    // Numbers and texts: there is nothing that cannot be encoded.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// 24 hexadecimal digits: to notice a change, not to withstand an attack.
  var identity: String { input.crc32 + model.crc32 + FileChecksum(of: json(settings) + "\(input.bytes) \(model.bytes)").crc32 }

  /// What a result names as its program.
  var software: String { "Sfumato \(sfumatoVersion); restored \(identity)" }

  /// What a PNG carries.
  var notes: PictureNotes {
    var notes: PictureNotes = ["Software": "Sfumato \(sfumatoVersion)"]
    notes.add(json(self), as: Self.key)
    return notes
  }

  /// Whether a file says that it was made from this picture with this model and these settings. One that cannot be read does not.
  func isMade(_ file: String) -> Bool {
    guard let reader = try? PictureReader(file: file), let software = try? reader.metadata().software else { return false }
    return software.contains("restored \(identity)")
  }
}
