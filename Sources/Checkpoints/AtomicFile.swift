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
    let unfinished = try prepare(path, body)
    try put(unfinished, at: path)
  }

  /// Writes the content of a file that is to be put in its place later, together with others.
  /// - Throws: as `write`; nothing is left then.
  package static func prepare(
    _ path: String, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws -> UnfinishedOutput {
    // A name of its own for every writer: the last rename wins, whole.
    guard let unfinished = UnfinishedOutput(of: path, .file) else { throw CheckpointError.io(path, "cannot be written", errno) }
    do {
      try body { piece in try writeAll(piece, to: unfinished.descriptor, path) }
      guard fsync(unfinished.descriptor) == 0 else { throw CheckpointError.io(path, "cannot be written", errno) }
    } catch {
      unfinished.remove()
      throw error
    }
    return unfinished
  }

  /// - Throws: as `move`; the prepared content is gone then.
  package static func put(_ unfinished: UnfinishedOutput, at path: String) throws {
    do { try move(unfinished.path, to: path) } catch {
      unfinished.remove()
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
    guard old.rename(to: path) else { throw CheckpointError.io(path, "cannot be put in place", errno) }
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
}
