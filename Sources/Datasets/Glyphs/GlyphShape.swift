/// One way of writing a letter or digit: the strokes of the pen, in the order in which a hand makes them.
///
/// A stroke passes smoothly through its knots, and turns sharply at those that are corners. Coordinates: 0 is the top line and
/// 100 the base line, downwards; x to the right in the same unit.
struct GlyphShape: Sendable, Equatable {
  struct Knot: Sendable, Equatable {
    var x: Double
    var y: Double
    var isCorner: Bool
  }

  var strokes: [[Knot]]

  /// - Parameter text: knots as `x,y`, a corner as `x,y!`, strokes divided by `;`.
  init(_ text: StaticString) {
    strokes = "\(text)".split(separator: ";").map { stroke in stroke.split(separator: " ").map { Self.knot($0) } }
  }

  private static func knot(_ text: Substring) -> Knot {
    let isCorner = text.hasSuffix("!")
    let parts = text.prefix { $0 != "!" }.split(separator: ",")
    guard parts.count == 2, let x = Double(parts[0]), let y = Double(parts[1]) else {
      preconditionFailure("'\(text)' is no knot of a glyph; expected x,y or x,y!")
    }
    return Knot(x: x, y: y, isCorner: isCorner)
  }
}
