import Foundation
import Imaging

/// What a picture file says of itself.
public struct PictureInspection: Codable, Sendable, Equatable {
  public var path: String
  public var width: Int, height: Int, channels: Int
  /// The text that a PNG carries.
  public var notes: [Note]

  public struct Note: Codable, Sendable, Equatable {
    public var key: String, text: String
  }

  /// Nil for what is no picture by its name.
  /// - Throws: `ImagingError` when the file is none.
  public init?(of path: String) throws {
    guard (try? ImageFormat(forFile: path)) != nil else { return nil }
    let reader = try PictureReader(file: path)
    self.path = path
    (width, height, channels) = (reader.width, reader.height, reader.channels)
    notes = try PictureNotes(ofFile: path).entries.map { Note(key: $0.key, text: $0.text) }
  }

  /// The command that the picture was drawn by.
  public var command: String? { notes.first { $0.key == SampleRecord.commandKey }?.text }
}
