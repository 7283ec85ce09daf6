import Failures
import Foundation

/// Checks the output files of long jobs before the work begins.
public enum OutputFile {
  /// Refuses a file that could not be written later. An existing file is not changed.
  /// - Throws: `SfumatoError`.
  public static func check(_ path: String) throws {
    guard !path.isEmpty else { throw SfumatoError(.usage, "the name of a file to write is empty") }
    let target = WritingTarget(path)
    if let problem = target.problem { throw SfumatoError(.io, "\(path): cannot be written: \(problem)") }
    guard target == .file else { return }
    let parent = path.parentFolder
    let folder = parent.isEmpty ? "." : parent
    let name = (path as NSString).lastPathComponent, longest = pathconf(folder, Int32(_PC_NAME_MAX))
    guard longest < 0 || name.utf8.count <= longest else {
      throw SfumatoError(.usage, "\(path): cannot be written: a name may have \(longest) bytes, and this one has \(name.utf8.count)")
    }
    // Permissions alone do not tell: a file system may be read-only.
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
