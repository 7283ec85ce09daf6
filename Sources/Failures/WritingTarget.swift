import Foundation

/// The kind of file at an output path, which decides how it is written: a rename would put a file in the place of a device.
package enum WritingTarget: Equatable {
  /// A file or nothing: to be written under another name and renamed.
  case file
  /// A character device such as /dev/null, or a pipe that this process has open, such as /dev/stdout: written as it stands.
  case stream
  case folder
  /// Nothing that can be written; what it is, and what to do.
  case impossible(String)

  package init(_ path: String) {
    var facts = stat()
    guard stat(path, &facts) == 0 else {
      self = .file
      return
    }
    switch facts.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .folder
    case S_IFCHR: self = .stream
    case S_IFIFO where Self.isOpen(facts): self = .stream
    case S_IFIFO: self = .impossible("it is a pipe, which may have no reader; name a file, or /dev/stdout and redirect that")
    case S_IFSOCK: self = .impossible("it is a socket; name a file")
    case S_IFBLK: self = .impossible("it is a block device; name a file")
    default: self = .impossible("it is not a file; name one")
    }
  }

  /// Why neither a file nor a stream can be written there; nil where one can.
  package var problem: String? {
    switch self {
    case .file, .stream: nil
    case .folder: "it is a folder"
    case .impossible(let reason): reason
    }
  }

  /// Whether one of the process's own descriptors is this pipe.
  private static func isOpen(_ pipe: stat) -> Bool {
    (0..<256).contains { (descriptor: Int32) in
      var own = stat()
      return fstat(descriptor, &own) == 0 && own.st_dev == pipe.st_dev && own.st_ino == pipe.st_ino
    }
  }

  /// Opens a stream for writing without waiting for a reader.
  /// - Returns: a descriptor, or -1 with `errno`.
  package static func open(_ path: String) -> Int32 {
    let descriptor = Foundation.open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { return descriptor }
    // Only opening must not wait: a full pipe is emptied by its reader.
    let flags = fcntl(descriptor, F_GETFL)
    if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
    return descriptor
  }
}
