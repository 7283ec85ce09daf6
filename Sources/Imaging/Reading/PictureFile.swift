import Foundation

/// Writes whole files: a reader never sees half of one. Problems are given in the system's own words.
enum PictureFile {
  /// Encodes, then writes under a temporary name in the same folder, syncs and renames. A target that is not a plain file, such
  /// as a pipe or /dev/stdout, is written to as it stands: a rename would put a file in its place.
  /// - Parameter encode: an `ImagingError` without a file name that it throws gets this one.
  static func write(to file: String, _ encode: () throws -> [UInt8]) throws {
    do {
      let bytes = try encode()
      var status = stat()
      let exists = stat(file, &status) == 0
      if exists && status.st_mode & S_IFMT == S_IFDIR { throw ImagingError(.unwritable("it is a folder")) }
      if exists && status.st_mode & S_IFMT != S_IFREG {
        try write(bytes, toNew: file, flags: O_WRONLY)
      } else {
        try replace(file, with: bytes)
      }
    } catch let error as ImagingError where error.file == nil {
      throw ImagingError(file: file, error.problem)
    }
  }

  private static func replace(_ file: String, with bytes: [UInt8]) throws {
    try replace(file) { try write(bytes, toNew: $0, flags: O_WRONLY | O_CREAT | O_EXCL) }
  }

  /// - Parameter write: makes a file of the name that it is given, in the folder of `file`.
  static func replace(_ file: String, by write: (String) throws -> Void) throws {
    let path = URL(fileURLWithPath: file).resolvingSymlinksInPath()
    let folder = path.deletingLastPathComponent().path
    let temporary = "\(folder)/.\(path.lastPathComponent).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
    do {
      try write(temporary)
      try sync(temporary)
      guard rename(temporary, path.path) == 0 else { throw ImagingError(.unwritable(systemMessage())) }
    } catch {
      unlink(temporary)
      throw error
    }
    // The rename itself is on the disk only when the folder is; not every file system can say so.
    let directory = open(folder, O_RDONLY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }

  private static func write(_ bytes: [UInt8], toNew path: String, flags: Int32) throws {
    let descriptor = open(path, flags | O_CLOEXEC, 0o666)
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
