import Foundation

/// A plain file that is read at any place, by many tasks at a time.
final class OpenFile: Sendable {
  let path: String
  /// In bytes, when it was opened.
  let size: Int
  private let descriptor: Int32

  /// - Throws: `ArchiveError` when there is no such file, it is no plain file, or may not be read.
  init(_ path: String) throws(ArchiveError) {
    // Not blocking: to open a pipe would wait for whoever fills it.
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    self.path = path
    guard descriptor >= 0 else {
      throw ArchiveError(path, errno == ENOENT || errno == ENOTDIR ? .notFound : .unreadable(String(cString: strerror(errno))))
    }
    var status = stat()
    size = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    // From here on `deinit` closes it.
    guard status.st_mode & S_IFMT == S_IFREG else { throw ArchiveError(path, .notAFile) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// - Throws: `ArchiveError`, `truncated` when the file ends before.
  func read(_ range: Range<Int>) throws(ArchiveError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
      while filled < range.count {
        let count = pread(descriptor, buffer.baseAddress! + filled, range.count - filled, off_t(range.lowerBound + filled))
        if count < 0 && errno == EINTR { continue }
        if count < 0 { failure = errno }
        if count <= 0 { return }
        filled += count
      }
    }
    guard failure == 0 else { throw ArchiveError(path, .unreadable(String(cString: strerror(failure)))) }
    guard bytes.count == range.count else {
      throw ArchiveError(path, .truncated("expected \(range.count) bytes from byte \(range.lowerBound) on, found \(bytes.count)"))
    }
    return bytes
  }
}
