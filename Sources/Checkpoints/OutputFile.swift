import Failures
import Foundation

/// Output files of long jobs.
public enum OutputFile {
  /// Refuses, before the work, a file that could not be written after it. An existing file is not touched.
  /// - Throws: `SfumatoError`.
  public static func check(_ path: String) throws {
    guard !path.isEmpty else { throw SfumatoError(.usage, "the name of a file to write is empty") }
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      guard status.st_mode & S_IFMT != S_IFDIR else { throw SfumatoError(.io, "\(path): cannot be written: it is a folder") }
      return  // a pipe or a device, which is written to as it stands
    }
    let parent = (path as NSString).deletingLastPathComponent
    let folder = parent.isEmpty ? "." : parent
    // Only an attempt shows it: a file system may be read-only.
    let trial = "\(folder)/.sfumato.\(getpid()).part"
    let descriptor = open(trial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      let reason = String(cString: strerror(errno)).lowercased()
      let exists = FileManager.default.fileExists(atPath: folder)
      throw SfumatoError(.io, "\(path): cannot be written: " + (exists ? reason : "there is no folder \(folder); make it first"))
    }
    close(descriptor)
    unlink(trial)
  }
}
