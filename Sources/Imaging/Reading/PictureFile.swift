import Failures
import Foundation

/// Writes whole files: a reader never sees half of one. Problems are given in the system's own words.
enum PictureFile {
  /// Encodes, then writes under a temporary name in the same folder, syncs and renames. A device such as /dev/stdout is written to
  /// as it stands.
  /// - Parameter encode: an `ImagingError` without a file name that it throws gets this one.
  static func write(to file: String, _ encode: () throws -> [UInt8]) throws {
    do {
      let bytes = try encode()
      try replace(file) { try write(bytes, to: open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)) }
    } catch let error as ImagingError where error.file == nil {
      throw ImagingError(file: file, error.problem)
    }
  }

  /// - Parameter write: makes a file of the name that it is given, which becomes `file`, or is copied to it where that is a device.
  static func replace(_ file: String, by write: (String) throws -> Void) throws {
    let target = WritingTarget(file)
    if let problem = target.problem { throw ImagingError(.unwritable(problem)) }
    if target == .stream { return try copy(to: file, by: write) }
    // Of a link the file is replaced that it leads to.
    let path = file.resolvedPath ?? file
    guard let unfinished = UnfinishedOutput(of: path, .file) else { throw ImagingError(.unwritable(systemMessage())) }
    do {
      try write(unfinished.path)
      try sync(unfinished.path)
      guard unfinished.move(to: path) else { throw ImagingError(.unwritable(systemMessage())) }
    } catch {
      unfinished.remove()
      throw error
    }
  }

  /// Encoders need a file that they can go back in, which a device is not.
  private static func copy(to device: String, by write: (String) throws -> Void) throws {
    let temporary = "\(FileManager.default.temporaryDirectory.path)/sfumato-\(UUID().uuidString).tmp"
    defer { unlink(temporary) }
    try write(temporary)
    guard let bytes = FileManager.default.contents(atPath: temporary) else { throw ImagingError(.unwritable(systemMessage())) }
    try Self.write(Array(bytes), to: WritingTarget.open(device))
  }

  /// Writes and closes.
  /// - Parameter descriptor: of an open file; negative where it could not be opened.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
    guard descriptor >= 0 else { throw ImagingError(.unwritable(systemMessage())) }
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let count = Foundation.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw ImagingError(.unwritable(systemMessage())) }
        done += count
      }
    }
  }

  private static func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ImagingError(.unwritable(systemMessage())) }
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw ImagingError(.unwritable(systemMessage())) }
  }
}
