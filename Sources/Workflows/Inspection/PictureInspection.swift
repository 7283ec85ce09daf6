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

  /// Nil for a file that is neither a picture by its contents nor named like one, and for a folder.
  /// - Throws: `ImagingError` for a picture that cannot be read, and for a file that is only named like one.
  public init?(of path: String) throws {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    guard !isFolder.boolValue, PictureFormat.isPicture(file: path) else { return nil }
    let reader = try PictureReader(file: path)
    self.path = path
    (width, height, channels) = (reader.width, reader.height, reader.channels)
    notes = try PictureNotes(ofFile: path).entries.map { Note(key: $0.key, text: $0.text) }
  }

  /// The command that sampled the picture.
  public var command: String? { notes.first { $0.key == SampleRecord.commandKey }?.text }
}
