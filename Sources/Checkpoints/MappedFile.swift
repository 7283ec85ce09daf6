import Foundation

/// A file mapped into memory, read only; what borrows from it keeps it alive.
final class MappedFile: @unchecked Sendable {  // the mapping never changes
  let bytes: UnsafeRawBufferPointer

  init(_ path: String) throws {
    // Not blocking: to open a pipe would wait for whoever fills it.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? CheckpointError(.missing, path, "there is no such file") : .io(path, "cannot be opened", errno)
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw CheckpointError.io(path, "cannot be read", errno) }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw CheckpointError(.invalid, path, "is not a file") }
    let count = Int(facts.st_size)
    guard count > 0 else { throw CheckpointError(.invalid, path, "is empty") }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw CheckpointError.io(path, "cannot be mapped", errno)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count) }
}
