import Foundation

/// A file mapped into memory, read only; tensors that borrow from it keep it alive.
final class MappedFile: @unchecked Sendable {  // the mapping never changes
  let bytes: UnsafeRawBufferPointer

  init(_ path: String) throws {
    // Not blocking: opening a pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? CheckpointError(.missing, path, "there is no such file") : .io(path, "cannot be opened", errno)
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw CheckpointError.io(path, "cannot be read", errno) }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.invalid, path, "is \(Self.kind(facts.st_mode)); expected a file")
    }
    let count = Int(facts.st_size)
    guard count > 0 else { throw CheckpointError(.invalid, path, "is empty; download or copy it again") }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw CheckpointError.io(path, "cannot be mapped", errno)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  private static func kind(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// Releases the pages of a part that was read and will not be needed soon.
  func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound / page * page
    guard start < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start), end - start, MADV_DONTNEED)
  }

  /// A copy of a part, aligned for any element; the mapped pages are released meanwhile.
  func copy(_ range: Range<Int>) -> CopiedBytes {
    let copy = CopiedBytes(count: range.count)
    let step = 1 << 22
    for start in stride(from: range.lowerBound, to: range.upperBound, by: step) {
      let piece = start..<min(start + step, range.upperBound)
      memcpy(copy.start + (start - range.lowerBound), bytes.baseAddress! + start, piece.count)
      release(piece)
    }
    return copy
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count) }
}

/// Memory that is filled once and only read afterwards.
final class CopiedBytes: @unchecked Sendable {  // not written once it is handed out
  let start: UnsafeMutableRawPointer

  init(count: Int) { start = .allocate(byteCount: count, alignment: 64) }
  deinit { start.deallocate() }
}
