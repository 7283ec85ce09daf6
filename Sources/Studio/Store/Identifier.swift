/// Names that the server makes for what it stores.
enum Identifier {
  private static let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
  static let length = 16

  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return String((0..<length).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] })
  }

  /// The same id for the same text: for folders that are given at every start.
  static func of(_ text: String) -> String {
    var rest = hash(text.utf8), second = hash(text.utf8.reversed())
    return String(
      (0..<length).map { index -> Character in
        defer { if index < 8 { rest /= 36 } else { second /= 36 } }
        return letters[Int((index < 8 ? rest : second) % 36)]
      })
  }

  /// Whether a text has the form of an id; anything else never becomes a part of a path.
  static func isOne(_ text: String) -> Bool {
    text.utf8.count == length && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
  }

  /// FNV-1a, 64 bits.
  static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
