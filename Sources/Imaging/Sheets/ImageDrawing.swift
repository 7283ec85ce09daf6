/// Lines and words on a picture: what plots are drawn of.
extension Image {
  /// Draws a line with round ends, whose edges are smoothed.
  /// - Parameters:
  ///   - start, end: x to the right and y down, in pixels; the middle of the upper left pixel is (0.5, 0.5).
  ///   - width: in pixels.
  ///   - color: a value for each channel.
  public mutating func drawLine(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), width: Double, color: [UInt8]
  ) {
    guard [start.x, start.y, end.x, end.y, width].allSatisfy({ $0.isFinite }), color.count == channels else { return }
    let reach = width / 2 + 1
    func span(_ a: Double, _ b: Double, _ limit: Int) -> Range<Int> {
      let low = max(0, min(Double(limit), (min(a, b) - reach).rounded(.down)))
      let high = max(low, min(Double(limit), (max(a, b) + reach).rounded(.up)))
      return Int(low)..<Int(high)
    }
    let dx = end.x - start.x, dy = end.y - start.y, length = dx * dx + dy * dy
    for row in span(start.y, end.y, height) {
      for column in span(start.x, end.x, self.width) {
        let x = Double(column) + 0.5 - start.x, y = Double(row) + 0.5 - start.y
        let along = length > 0 ? max(0, min(1, (x * dx + y * dy) / length)) : 0
        let away = ((x - along * dx) * (x - along * dx) + (y - along * dy) * (y - along * dy)).squareRoot()
        blend(color, into: (row, column), share: max(0, min(1, width / 2 + 0.5 - away)))
      }
    }
  }

  private mutating func blend(_ color: [UInt8], into place: (row: Int, column: Int), share: Double) {
    guard share > 0 else { return }
    for channel in 0..<channels {
      let old = Double(self[place.row, place.column, channel])
      self[place.row, place.column, channel] = UInt8((old + share * (Double(color[channel]) - old)).rounded())
    }
  }

  /// Where a word stands beside its place.
  public enum TextAlignment: Sendable { case leading, centered, trailing }

  /// Draws a line of text, cut off at the picture's edges.
  /// - Parameters:
  ///   - row: of its upper edge.
  ///   - column: of its left edge, its middle or its right edge.
  ///   - scale: pixels for one of a letter, which is seven high.
  public mutating func drawText(
    _ text: String, row: Int, column: Int, alignment: TextAlignment = .leading, scale: Int = 1, color: [UInt8]
  ) {
    guard scale > 0, color.count == channels else { return }
    let width = PixelFont.width(text) * scale
    let left = alignment == .leading ? column : alignment == .centered ? column - width / 2 : column - width
    write(SheetWords(text: text, row: row, column: left, width: width + scale, isCentered: false), color: color, scale: scale)
  }

  /// The width of a line of text in pixels, as `drawText` draws it.
  public static func textWidth(_ text: String, scale: Int = 1) -> Int { PixelFont.width(text) * scale }
}
