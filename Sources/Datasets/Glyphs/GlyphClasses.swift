extension GlyphDataset {
  /// Which characters, in the order of their labels: written `all`, `digits`, `letters`, or as a list of characters and of these
  /// words, such as `[digits, A, B]`.
  public struct Classes: Codable, Sendable, Equatable {
    /// Each once, at least one.
    public let names: [String]

    /// Digits before letters.
    public static let all = Classes(names: GlyphAlphabet.names)
    public static let digits = Classes(names: Array(GlyphAlphabet.names.prefix(10)))
    public static let letters = Classes(names: Array(GlyphAlphabet.names.dropFirst(10)))
    private static let words = ["all": all, "digits": digits, "letters": letters]

    private init(names: [String]) { self.names = names }

    /// - Returns: nil for words that name no character, name one twice, or are none at all.
    public init?(_ words: [String]) {
      guard Self.problem(words) == nil else { return nil }
      names = words.flatMap { Self.words[$0]?.names ?? [$0] }
    }

    private static func problem(_ list: [String]) -> String? {
      if list.isEmpty { return "expected at least one character" }
      if let unknown = list.first(where: { words[$0] == nil && !GlyphAlphabet.names.contains($0) }) {
        return "there is no glyph '\(unknown)'; expected 0 to 9, A to Z, all, digits or letters"
      }
      let names = list.flatMap { words[$0]?.names ?? [$0] }
      let twice = names.indices.first { names[..<$0].contains(names[$0]) }
      return twice.map { "expected each character once, found \(names[$0]) again" }
    }

    public init(from decoder: any Decoder) throws {
      let list = try (try? [String](from: decoder)) ?? [String(from: decoder)]
      guard let classes = Classes(list) else {
        let problem = Self.problem(list) ?? ""
        throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: problem))
      }
      self = classes
    }

    public func encode(to encoder: any Encoder) throws {
      if let word = Self.words.first(where: { $0.value == self })?.key {
        try word.encode(to: encoder)
      } else {
        try names.encode(to: encoder)
      }
    }

    /// The ways of writing each.
    var shapes: [[GlyphShape]] { names.map { GlyphAlphabet.shapes[GlyphAlphabet.names.firstIndex(of: $0)!] } }
  }
}
