import Foundation

/// A bitmap font for captions, five pixels wide and seven high: the same on every machine.
///
/// ASCII is drawn. Other letters are written in Latin ones without accents (`Zürich` as Zurich, `Москва` as Moskva); characters
/// without a shape become a question mark.
enum PixelFont {
  /// The height of a line: seven rows of capitals, two below the base line, one between lines.
  static let lineHeight = 10
  private static let spacing = 1

  private static let glyphs = drawings.map(Glyph.init)
  private static let ellipsis = glyphs[glyphs.count - 1]

  private struct Glyph {
    let width: Int
    /// Row and column of each pixel of ink.
    let ink: [(row: Int, column: Int)]

    init(_ drawing: String) {
      let rows = drawing.split(separator: "/")
      width = rows[0].count
      ink = rows.enumerated().flatMap { row, line in
        line.enumerated().compactMap { column, mark in mark == "#" ? (row, column) : nil }
      }
    }
  }

  /// The width of a line in pixels, without the space after it.
  static func width(_ text: String) -> Int { width(glyphs(of: text)) }

  /// A line of text shortened to a width, with an ellipsis at its end.
  /// - Returns: the pixels of ink, and the width that they take.
  static func line(_ text: String, width limit: Int) -> (ink: [(row: Int, column: Int)], width: Int) {
    var line = glyphs(of: text)
    if width(line) > limit {
      while !line.isEmpty, width(line + [ellipsis]) > limit { line.removeLast() }
      line.append(ellipsis)
      if width(line) > limit { return ([], 0) }
    }
    var ink: [(row: Int, column: Int)] = []
    var start = 0
    for glyph in line {
      ink += glyph.ink.map { ($0.row, start + $0.column) }
      start += glyph.width + spacing
    }
    return (ink, width(line))
  }

  private static func width(_ line: [Glyph]) -> Int { max(0, line.reduce(-spacing) { $0 + $1.width + spacing }) }

  private static func glyphs(of text: String) -> [Glyph] { latin(text).unicodeScalars.map(glyph) }

  private static func glyph(_ scalar: Unicode.Scalar) -> Glyph {
    let code = Int(scalar.value)
    if code == 0x2026 { return ellipsis }
    return glyphs[(32..<127).contains(code) ? code - 32 : 31]  // 31: the question mark
  }

  private static func latin(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 128 }) { return text }
    let latin = text.applyingTransform(.toLatin, reverse: false) ?? text
    return latin.applyingTransform(.stripDiacritics, reverse: false) ?? latin
  }
}
