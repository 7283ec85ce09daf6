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

  /// The names of the fields in braces, such as `index` in `{index}.png`.
  var fields: [String] { matches(of: /\{([^}]*)\}/).map { String($0.1) } }

  /// This pattern with values in place of its fields, each filled in once: a value may look like a field. Unknown fields stay.
  func filling(_ values: [String: String]) -> String {
    replacing(/\{([^}]*)\}/) { values[String($0.1)] ?? String($0.0) }
  }

  private static func separates(_ scalar: Unicode.Scalar) -> Bool {
    [.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
  }
}
