import Failures
import Foundation
import Imaging

/// Names of one file per image: a folder, in which images are named by number, or a pattern such as `out/{class}-{index}.png`.
public struct ImagePattern: Sendable, Equatable {
  public let text: String

  /// The fields allowed in braces.
  static let fields = ["index", "class", "seed"]

  /// - Parameter text: a pattern with fields in braces, or a folder.
  /// - Throws: `SfumatoError` for an unknown field, and for a pattern without `{index}`, which would give all images the same name.
  public init(_ text: String) throws {
    guard !text.isEmpty else { throw SfumatoError(.usage, "the folder or pattern for single images is empty") }
    self.text = text.contains("{") ? text : (text.hasSuffix("/") ? text : text + "/") + "{index}.png"
    let used = self.text.fields
    if let unknown = used.first(where: { !Self.fields.contains($0) }) {
      throw SfumatoError(.usage, "\(text): unknown field {\(unknown)}; expected {index}, {class} or {seed}")
    }
    guard used.contains("index") else {
      throw SfumatoError(.usage, "\(text): expected {index} in the pattern, so that each image gets its own file")
    }
    do { _ = try ImageFormat(forFile: self.text) } catch { throw SfumatoError(.usage, "\(error)") }
  }

  /// The file of an image; numbers are zero-padded to the digits of the last one.
  func path(_ index: Int, of count: Int, className: String, seed: UInt64) -> String {
    let digits = String(max(count - 1, 0)).count, number = String(index)
    let values = [
      "index": String(repeating: "0", count: digits - number.count) + number,
      "class": className.isEmpty ? "none" : className.asFileName(with: "_"), "seed": String(seed),
    ]
    return text.filling(values)
  }

  /// The folder of a file, or its nearest existing ancestor.
  static func nearestFolder(of pattern: String) -> String {
    var folder = pattern.parentFolder
    while !folder.isEmpty, !FileManager.default.fileExists(atPath: folder) { folder = folder.parentFolder }
    return folder.isEmpty ? "." : folder
  }

  /// Creates the folder of a file if it does not exist.
  static func makeFolder(of file: String) throws {
    let folder = file.parentFolder
    guard !folder.isEmpty else { return }
    if let problem = folder.makeFolder() { throw SfumatoError(.io, "\(folder): cannot be made: \(problem)") }
  }
}
