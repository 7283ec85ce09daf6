extension String {
  /// The folder in a path before the last name: "a/b" of "a/b/c" and of "a/b/c/", "/" of "/a", and the empty text where there is none.
  ///
  /// For Foundation's `deletingLastPathComponent`, which ends the program for a name of one character.
  package var parentFolder: String {
    let path = withoutTrailingSlashes
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[...slash]).withoutTrailingSlashes
  }

  /// The same path without slashes at its end; "/" stays.
  package var withoutTrailingSlashes: String {
    var path = self[...]
    while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }
}
