import Foundation

extension String {
  /// This path from the root on, from the working folder where it is relative. Nothing is expanded: `~` is a name like any other.
  ///
  /// `..` behind a symbolic link leads to the folder above the link's target, so only the system resolves it, and only where the
  /// path exists; elsewhere it stays as it is.
  package var absolutePath: String {
    let parts = split(separator: "/").filter { $0 != "." }
    let start = hasPrefix("/") ? "" : FileManager.default.currentDirectoryPath.withoutTrailingSlashes
    let path = (start == "/" ? "" : start) + parts.map { "/\($0)" }.joined()
    guard parts.contains("..") else { return path.isEmpty ? "/" : path }
    return path.resolvedPath ?? path
  }

  /// The path without symbolic links and `..`; nil where there is nothing of that name.
  package var resolvedPath: String? {
    guard let resolved = realpath(self, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The same for every name of a file or folder.
  package var fileIdentity: String { resolvedPath ?? absolutePath }

  /// The same file for Foundation's URLs, which take a `~` at the beginning for the home folder.
  package var urlPath: String { hasPrefix("~") ? "./\(self)" : self }
}
