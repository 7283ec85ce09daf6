import Foundation

/// Size of a plain file, of which no link is followed.
struct FileFacts {
  let size: Int

  init?(_ path: String) {
    var facts = stat()
    guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    size = Int(facts.st_size)
  }
}
