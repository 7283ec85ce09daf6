/// A picture's caption: a text on one line, which says what it shows.
public enum Caption {
  /// The longest caption that is read from a file, in bytes of UTF-8.
  static let byteLimit = 4096

  /// The text on one line: every run of white space and control characters is one space, and there is none at the ends.
  public static func normalized(_ text: String) -> String {
    let words = text.unicodeScalars.split { $0.properties.isWhitespace || $0.properties.generalCategory == .control || $0 == "\u{FEFF}" }
    return words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " ")
  }

  /// The beginning of a caption that has at most so many bytes, whole characters.
  public static func cut(_ caption: String, to bytes: Int) -> String {
    var count = 0
    return normalized(
      String(
        caption.prefix { character in
          count += character.utf8.count
          return count <= bytes
        }))
  }

  /// - Parameter place: where the text was found, for messages.
  /// - Throws: `DatasetError` for a text that is too long.
  static func checked(_ text: String, _ place: String) throws(DatasetError) -> String {
    let caption = normalized(text), bytes = caption.utf8.count
    guard bytes <= byteLimit else {
      throw DatasetError(
        .data, place, "the caption has \(bytes) bytes; expected at most \(byteLimit), the words for what the picture shows")
    }
    return caption
  }
}
