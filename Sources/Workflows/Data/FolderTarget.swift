import Failures
import Foundation
import Imaging
import Synchronization

/// Exports PNG files in one folder per class, to a temporary folder that is renamed at the end, and removes those of exports to the
/// same folder that were killed.
final class FolderTarget: ExportTarget {
  private let path: String
  private let unfinished: UnfinishedOutput
  private let folders: [String]
  private let digits: Int
  private let isFinished = Mutex(false)

  /// - Throws: `SfumatoError` when the folders cannot be created, or when two classes would share a folder.
  init(_ path: String, classNames: [String], count: Int) throws {
    self.path = path
    digits = "\(max(0, count - 1))".count
    let folders = classNames.map { $0.asFileName("/\\:", with: "-") }
    self.folders = folders
    let twice = Dictionary(grouping: folders) { $0.lowercased() }.first { $1.count > 1 }
    if let twice { throw SfumatoError(.data, "the classes \(twice.value.joined(separator: ", ")) would share a folder") }
    guard let unfinished = UnfinishedOutput(of: path, .folder) else { throw Self.refused(path) }
    self.unfinished = unfinished
    for folder in folders where mkdir("\(unfinished.path)/\(folder)", 0o777) != 0 {
      let problem = Self.refused(path)
      unfinished.remove()
      throw problem
    }
  }

  deinit { if !isFinished.withLock({ $0 }) { unfinished.remove() } }

  /// The last error of the system.
  private static func refused(_ path: String) -> SfumatoError {
    SfumatoError(.io, "\(path): cannot be made: \(String(cString: strerror(errno)).lowercased())")
  }

  func prepare(_ picture: ExportedPicture, at index: Int) throws -> ExportedPicture {
    let number = "\(index)", folder = picture.label.map { "/\(folders[$0])" } ?? ""
    let name = String(repeating: "0", count: max(0, digits - number.count)) + number
    let bytes = try picture.image.encoded(as: .png)
    do { try Data(bytes).write(to: URL(fileURLWithPath: "\(unfinished.path)\(folder)/\(name).png".urlPath)) } catch {
      throw ExportFailure(error: SfumatoError(.io, "\(path): cannot be written: \(error.systemMessage)"))
    }
    return picture
  }

  func add(_ picture: ExportedPicture) {}

  func finish() throws {
    // All files reach the disk before they become visible.
    sync()
    // rename() replaces an empty folder.
    guard unfinished.move(to: path) else {
      throw SfumatoError(.io, "\(path): cannot be put in place: \(String(cString: strerror(errno)).lowercased())")
    }
    isFinished.withLock { $0 = true }
  }

  var files: [String] { [path] }
}
