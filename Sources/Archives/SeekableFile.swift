import Foundation

/// A file of which parts are read by their place, by many tasks at a time.
final class SeekableFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32

  /// - Throws: `ArchiveError` when there is no such file, it is not a regular file or may not be read.
  init(path: String) throws(ArchiveError) {
    // Not blocking: opening a pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw ArchiveError(path, errno == ENOENT ? .notFound : .unreadable(String(cString: strerror(errno)))) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw ArchiveError(path, .notAFile)
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes of a part that lies within `size`.
  /// - Throws: `ArchiveError`, `truncated` when the file has become shorter since it was opened.
  func read(_ range: Range<Int>) throws(ArchiveError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= size, "bytes \(range) of a file of \(size)")
    var failure: ArchiveError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
      do throws(ArchiveError) {
        try fill(UnsafeMutableRawBufferPointer(buffer), from: range.lowerBound)
        filled = range.count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(ArchiveError) {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw ArchiveError(path, .unreadable(String(cString: strerror(errno)))) }
      guard count > 0 else { throw ArchiveError(path, .truncated("expected \(size) bytes, found \(offset + done)")) }
      done += count
    }
  }
}
