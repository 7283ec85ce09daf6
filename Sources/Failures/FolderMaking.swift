import Foundation

extension String {
  /// Makes this folder, and those above it that are missing. Foundation does the same and hides the system's reason.
  /// - Returns: the system's words where it cannot be made, such as `Permission denied`, or what is in its way; nil where it is there now.
  package func makeFolder() -> String? {
    let parts = split(separator: "/", omittingEmptySubsequences: true)
    for count in parts.indices {
      let folder = (hasPrefix("/") ? "/" : "") + parts[...count].joined(separator: "/")
      guard mkdir(folder, 0o777) != 0, errno != EEXIST else { continue }
      let code = errno
      // A folder above may be one in which nothing can be made.
      if count < parts.count - 1, code == EROFS || code == EACCES || code == EPERM { continue }
      return code == ENOTDIR ? Self.isInTheWay(folder.parentFolder) : String(cString: strerror(code))
    }
    var facts = stat()
    guard stat(self, &facts) == 0 else { return String(cString: strerror(errno)) }
    return facts.st_mode & S_IFMT == S_IFDIR ? nil : Self.isInTheWay(self)
  }

  private static func isInTheWay(_ path: String) -> String { "\(path) is in the way, which is not a folder" }
}
