import Foundation

/// A file or folder that is being written, under a hidden name beside its place until it is renamed to it.
///
/// The process holds a lock on it (`flock`), which the system lifts when the process ends in any way. So what killed processes left
/// behind is known, and it is removed when the same output is written again.
package final class UnfinishedOutput: Sendable {
  package enum Kind { case file, folder }

  package let path: String
  /// Open for writing, if it is a file.
  package let descriptor: Int32

  /// Makes it.
  /// - Parameter output: its place.
  /// - Returns: nil when the system refuses; `errno` says why.
  package init?(of output: String, _ kind: Kind) {
    let parent = output.parentFolder, folder = parent.isEmpty ? "." : parent
    let name = (output as NSString).lastPathComponent
    guard name.utf8.count <= NAME_MAX else {
      errno = ENAMETOOLONG
      return nil
    }
    // Of a long name the start, for there must be room for an ending.
    let prefix = ".\(name.prefix(40))."
    Self.sweep(folder, prefix)
    // Another process may sweep it before it is locked, once.
    for _ in 0..<3 {
      let path = "\(folder)/\(prefix)\(UUID().uuidString)\(Self.ending)"
      guard let descriptor = Self.make(path, kind) else { return nil }
      flock(descriptor, LOCK_EX | LOCK_NB)
      if access(path, F_OK) == 0 {
        (self.path, self.descriptor) = (path, descriptor)
        return
      }
      Foundation.close(descriptor)
    }
    return nil
  }

  deinit { Foundation.close(descriptor) }

  /// Gives it its name, in place of a file or of an empty folder.
  /// - Returns: false when the system refuses; `errno` says why.
  package func move(to output: String) -> Bool { path.rename(to: output) }

  /// Removes it. What cannot be removed does no harm.
  package func remove() { try? FileManager.default.removeItem(atPath: path) }

  private static let ending = ".part"

  private static func make(_ path: String, _ kind: Kind) -> Int32? {
    switch kind {
    case .file:
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      return descriptor >= 0 ? descriptor : nil
    case .folder:
      guard mkdir(path, 0o777) == 0 else { return nil }
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      return descriptor >= 0 ? descriptor : nil
    }
  }

  private static func sweep(_ folder: String, _ prefix: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(prefix) && name.hasSuffix(ending) {
      guard UUID(uuidString: String(name.dropFirst(prefix.count).dropLast(ending.count))) != nil else { continue }
      let path = "\(folder)/\(name)", descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: path) }
      Foundation.close(descriptor)
    }
  }
}

extension String {
  /// Renames a file or a folder, in place of a file or of an empty folder, and brings the new name to the disk.
  /// - Returns: false when the system refuses; `errno` says why.
  package func rename(to new: String) -> Bool {
    guard Foundation.rename(self, new) == 0 else { return false }
    let parent = new.parentFolder, descriptor = open(parent.isEmpty ? "." : parent, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return true }
    // Where a folder cannot be synced the file is still whole.
    fsync(descriptor)
    close(descriptor)
    return true
  }
}
