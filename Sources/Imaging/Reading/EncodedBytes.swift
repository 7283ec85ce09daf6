import Foundation

/// The encoded bytes of a picture, at a fixed address: libvips keeps pointers to them.
///
/// A file is read, not mapped: one that is truncated or replaced meanwhile gives an error or the old picture, never a signal.
final class EncodedBytes: @unchecked Sendable {
  /// Never written to after `init`.
  let buffer: UnsafeRawBufferPointer

  /// Larger files are refused, 1 GiB: no picture within `Image.pixelLimit` takes as much.
  static let limit = 1 << 30

  init(copying source: UnsafeRawBufferPointer) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 16)
    memory.copyMemory(from: source)
    buffer = UnsafeRawBufferPointer(memory)
  }

  /// - Throws: `ImagingError` in the system's words; for all but plain files, of which a pipe or a device might never end;
  ///   and when the file becomes shorter while it is read.
  init(file: String) throws {
    // Without O_NONBLOCK, opening a pipe waits for a writer.
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw ImagingError(file: file, errno == ENOENT ? .missing : .unreadable(systemMessage())) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw ImagingError(file: file, .unreadable(systemMessage())) }
    if let kind = Self.kind(ofMode: status.st_mode) { throw ImagingError(file: file, .unreadable("it is \(kind)")) }
    let count = Int(status.st_size)
    guard count <= Self.limit else {
      throw ImagingError(file: file, .unreadable("it has \(count) bytes, at most \(Self.limit) are read"))
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    buffer = UnsafeRawBufferPointer(memory)
    try Self.fill(memory, from: descriptor, file: file)
  }

  deinit { buffer.deallocate() }

  private static func fill(_ memory: UnsafeMutableRawBufferPointer, from descriptor: Int32, file: String) throws {
    var done = 0
    while done < memory.count {
      let count = read(descriptor, memory.baseAddress! + done, memory.count - done)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw ImagingError(file: file, .unreadable(systemMessage())) }
      guard count > 0 else {
        throw ImagingError(file: file, .unreadable("it became shorter meanwhile: \(done) of \(memory.count) bytes are left"))
      }
      done += count
    }
  }

  /// The kind of file; nil for a plain one.
  private static func kind(ofMode mode: mode_t) -> String? {
    switch mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }
}

/// "No such file or directory" becomes "no such file or directory".
func systemMessage() -> String {
  let message = String(cString: strerror(errno))
  return message.prefix(1).lowercased() + message.dropFirst()
}
