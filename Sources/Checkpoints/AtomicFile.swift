import Failures
import Foundation

/// Atomic writes: to a temporary name beside the file, synced, renamed. When anything fails, the earlier file is kept. A device is
/// written as it stands.
public enum AtomicFile {
  /// - Parameter body: writes the content through its argument, in any number of pieces.
  /// - Throws: `CheckpointError` when the system refuses, and for a folder, a pipe, a socket and a block device; errors of `body`.
  public static func write(to path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
    let target = WritingTarget(path)
    if let problem = target.problem { throw CheckpointError(.io, path, "cannot be written: \(problem)") }
    try target == .stream ? writeThrough(to: path, body) : replace(path, body)
  }

  private static func writeThrough(to path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
    let descriptor = WritingTarget.open(path)
    guard descriptor >= 0 else { throw CheckpointError.io(path, "cannot be written", errno) }
    defer { close(descriptor) }
    try body { piece in try writeAll(piece, to: descriptor, path) }
  }

  private static func replace(_ path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
    let folder = path.parentFolder
    // A name of its own for every writer: the last rename wins, whole.
    let temporary = "\(folder.isEmpty ? "." : folder)/.\((path as NSString).lastPathComponent).\(UUID().uuidString).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw CheckpointError.io(path, "cannot be written", errno) }
    do {
      try body { piece in try writeAll(piece, to: descriptor, path) }
      guard fsync(descriptor) == 0 else { throw CheckpointError.io(path, "cannot be written", errno) }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    guard close(descriptor) == 0 else {
      let code = errno
      unlink(temporary)
      throw CheckpointError.io(path, "cannot be written", code)
    }
    do { try move(temporary, to: path) } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Renames a file or a folder that is on the disk already, and syncs the new name. A file of that
  /// name is replaced, and so is a folder that is empty.
  /// - Throws: `CheckpointError` when the system refuses, and where a device or a pipe would be replaced.
  public static func move(_ old: String, to path: String) throws {
    switch WritingTarget(path) {
    case .file, .folder: break
    case .stream: throw CheckpointError(.io, path, "cannot be put in place: it is a device or a pipe; name a file")
    case .impossible(let reason): throw CheckpointError(.io, path, "cannot be put in place: \(reason)")
    }
    guard rename(old, path) == 0 else { throw CheckpointError.io(path, "cannot be put in place", errno) }
    syncFolder(path.parentFolder)
  }

  public static func write(_ text: String, to path: String) throws {
    var text = text
    try write(to: path) { put in try text.withUTF8 { try put(UnsafeRawBufferPointer($0)) } }
  }

  private static func writeAll(_ piece: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
    var rest = piece
    while !rest.isEmpty {
      let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw CheckpointError.io(path, "cannot be written", errno) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
    }
  }

  /// The new name itself must reach the disk. Where a folder cannot be synced the file is still whole.
  private static func syncFolder(_ folder: String) {
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }
}
