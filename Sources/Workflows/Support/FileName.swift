extension String {
  /// The most bytes of UTF-8 that are kept: file systems allow 255 in a name, and an index and an ending come beside this.
  private static let longestFileName = 150

  /// This text as a part of a file's name: one that leads nowhere, is not hidden, and can be printed. A name from a model's or data
  /// set's file may be anything.
  /// - Parameter replaced: characters that stand for something else in a path.
  func asFileName(_ replaced: String = "/", with replacement: Character) -> String {
    var name = "", bytes = 0
    for character in self {
      let isUsable = !replaced.contains(character) && character.unicodeScalars.allSatisfy { !Self.separates($0) }
      let kept = isUsable ? character : replacement
      bytes += kept.utf8.count
      guard bytes <= Self.longestFileName else { break }
      name.append(kept)
    }
    return name.isEmpty || name.hasPrefix(".") ? "_" + name : name
  }

  private static func separates(_ scalar: Unicode.Scalar) -> Bool {
    [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
  }
}
