import Failures
import Foundation
import Imaging
import Synchronization

/// Exports PNG files in one folder per class, to a temporary folder that is renamed at the end, and removes those of exports to the
/// same folder that were killed.
final class FolderTarget: ExportTarget {
  private let path: String, temporary: String
  private let folders: [String]
  private let digits: Int
  private let isFinished = Mutex(false)
  /// Of the temporary folder, which is locked for as long as this process works in it.
  private let descriptor: Int32

  /// - Throws: `SfumatoError` when the folders cannot be created, or when two classes would share a folder.
  init(_ path: String, classNames: [String], count: Int) throws {
    self.path = path
    digits = "\(max(0, count - 1))".count
    let parent = path.parentFolder.isEmpty ? "." : path.parentFolder, prefix = ".\((path as NSString).lastPathComponent)."
    let temporary = "\(parent)/\(prefix)\(UUID().uuidString).part"
    self.temporary = temporary
    let folders = classNames.map { $0.asFileName("/\\:", with: "-") }
    self.folders = folders
    let twice = Dictionary(grouping: folders) { $0.lowercased() }.first { $1.count > 1 }
    if let twice { throw SfumatoError(.data, "the classes \(twice.value.joined(separator: ", ")) would share a folder") }
    Self.sweep(parent, prefix)
    for folder in [temporary] + folders.map({ "\(temporary)/\($0)" }) where mkdir(folder, 0o777) != 0 {
      let problem = String(cString: strerror(errno))
      try? FileManager.default.removeItem(atPath: temporary)
      throw SfumatoError(.io, "\(path): cannot be made: \(problem)")
    }
    descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 { flock(descriptor, LOCK_EX | LOCK_NB) }
  }

  deinit {
    if !isFinished.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: temporary) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Removes the temporary folders that no process has locked. The system lifts the lock of a process that ends in any way.
  private static func sweep(_ parent: String, _ prefix: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    for name in names where name.hasPrefix(prefix) && name.hasSuffix(".part") && isUUID(name.dropFirst(prefix.count).dropLast(5)) {
      let descriptor = open("\(parent)/\(name)", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: "\(parent)/\(name)") }
      close(descriptor)
    }
  }

  private static func isUUID(_ text: Substring) -> Bool { UUID(uuidString: String(text)) != nil }

  func prepare(_ picture: ExportedPicture, at index: Int) throws -> ExportedPicture {
    let number = "\(index)", folder = picture.label.map { "/\(folders[$0])" } ?? ""
    let name = String(repeating: "0", count: max(0, digits - number.count)) + number
    let bytes = try picture.image.encoded(as: .png)
    do { try Data(bytes).write(to: URL(fileURLWithPath: "\(temporary)\(folder)/\(name).png".urlPath)) } catch {
      throw ExportFailure(error: SfumatoError(.io, "\(path): cannot be written: \(error.systemMessage)"))
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
