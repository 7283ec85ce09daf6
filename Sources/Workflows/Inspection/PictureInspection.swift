import Foundation
import Imaging

/// Size and metadata of a picture file.
public struct PictureInspection: Codable, Sendable, Equatable {
  public var path: String
  public var width: Int, height: Int, channels: Int
  /// The text chunks of a PNG.
  public var notes: [Note]

  public struct Note: Codable, Sendable, Equatable {
    public var key: String, text: String
  }

  /// Nil when the name is not a picture's.
  /// - Throws: `ImagingError` when the file is not a picture.
  public init?(of path: String) throws {
    guard (try? ImageFormat(forFile: path)) != nil else { return nil }
    let reader = try PictureReader(file: path)
    self.path = path
    (width, height, channels) = (reader.width, reader.height, reader.channels)
    notes = try PictureNotes(ofFile: path).entries.map { Note(key: $0.key, text: $0.text) }
  }

  /// The command that sampled the picture.
  public var command: String? { notes.first { $0.key == SampleRecord.commandKey }?.text }
}
