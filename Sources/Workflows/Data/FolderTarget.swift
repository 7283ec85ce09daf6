import Failures
import Foundation
import Imaging
import Synchronization

/// Exports PNG files in one folder per class, to a temporary folder that is renamed at the end.
final class FolderTarget: ExportTarget {
  private let path: String, temporary: String
  private let folders: [String]
  private let digits: Int
  private let isFinished = Mutex(false)

  /// - Throws: `SfumatoError` when the folders cannot be created, or when two classes would share a folder.
  init(_ path: String, classNames: [String], count: Int) throws {
    self.path = path
    digits = "\(max(0, count - 1))".count
    let parent = path.parentFolder
    temporary = "\(parent.isEmpty ? "." : parent)/.\((path as NSString).lastPathComponent).\(UUID().uuidString).part"
    folders = classNames.map(Self.fileName)
    let twice = Dictionary(grouping: folders) { $0.lowercased() }.first { $1.count > 1 }
    if let twice { throw SfumatoError(.data, "the classes \(twice.value.joined(separator: ", ")) would share a folder") }
    do {
      for folder in [temporary] + folders.map({ "\(temporary)/\($0)" }) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
      }
    } catch { throw SfumatoError(.io, "\(path): cannot be created: \(error.localizedDescription)") }
  }

  deinit { if !isFinished.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: temporary) } }

  /// A file name without path separators that is not hidden.
  private static func fileName(_ name: String) -> String {
    let plain = String(name.map { "/\\:\0".contains($0) || $0.isNewline ? "-" : $0 })
    return plain.isEmpty || plain.hasPrefix(".") ? "_" + plain : plain
  }

  func prepare(_ picture: ExportedPicture, at index: Int) throws -> ExportedPicture {
    let number = "\(index)", folder = picture.label.map { "/\(folders[$0])" } ?? ""
    let name = String(repeating: "0", count: max(0, digits - number.count)) + number
    let bytes = try picture.image.encoded(as: .png)
    do { try Data(bytes).write(to: URL(fileURLWithPath: "\(temporary)\(folder)/\(name).png")) } catch {
      throw ExportFailure(error: SfumatoError(.io, "\(path): cannot be written: \(error.localizedDescription)"))
    }
    return picture
  }

  func add(_ picture: ExportedPicture) {}

  func finish() throws {
    // All files reach the disk before they become visible.
    sync()
    // rename() replaces an empty folder.
    guard rename(temporary, path) == 0 else {
      throw SfumatoError(.io, "\(path): cannot be put in place: \(String(cString: strerror(errno)).lowercased())")
    }
    isFinished.withLock { $0 = true }
  }

  var files: [String] { [path] }
}
