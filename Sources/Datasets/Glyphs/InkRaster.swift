/// Lays written lines on paper and looks at it through square pixels.
struct InkRaster {
  let height: Int, width: Int
  /// How far the edge of the ink runs, in sides of the image; a pixel's width comes on top.
  private static let softness = 0.035
  /// Kept free at every border, in sides of the image.
  private static let margin = 0.045
  /// The side up to which edges are as soft as that; in larger images they grow as its root.
  private static let softSide = 28.0

  /// The side in which a hand is measured: the shorter one, in pixels.
  private var side: Double { Double(min(height, width)) }

  /// - Parameter lines: in the unit of shapes, as `Handwriting` gives them.
  /// - Returns: how much ink lies on each pixel, `height * width` numbers from 0 to 1.
  func light(of lines: [[InkPoint]], hand: Hand) -> [Double] {
    let placed = place(lines, hand: hand)
    var light = [Double](repeating: 0, count: height * width)
    light.withUnsafeMutableBufferPointer { light in
      for line in placed {
        if line.count == 1 { draw(line[0], line[0], on: light) }
        for (a, b) in zip(line, line.dropFirst()) { draw(a, b, on: light) }
      }
    }
    return light
  }

  /// Leans, turns and scales the lines and puts them near the middle; now in pixels.
  private func place(_ lines: [[InkPoint]], hand: Hand) -> [[InkPoint]] {
    let leaning = lines.map { line in
      line.map { point in
        let x = (point.x + hand.slant * (50 - point.y)) * hand.aspect, y = point.y - 50
        return InkPoint(
          x: hand.cosine * x - hand.sine * y, y: hand.sine * x + hand.cosine * y, radius: point.radius, ink: point.ink)
      }
    }
    let points = leaning.joined()
    let left = points.lazy.map(\.x).min() ?? 0, right = points.lazy.map(\.x).max() ?? 0
    let top = points.lazy.map(\.y).min() ?? 0, bottom = points.lazy.map(\.y).max() ?? 0
    let pixels = side, wide = Double(width) / pixels, tall = Double(height) / pixels
    let roomX = wide - 2 * (Self.margin + hand.penRadius), roomY = tall - 2 * (Self.margin + hand.penRadius)
    let scale = min(hand.height * tall / max(bottom - top, 1), roomX / max(right - left, 1), roomY / max(bottom - top, 1))
    let centerX = 0.5 * wide + limited(hand.shiftX, within: roomX - scale * (right - left))
    let centerY = 0.5 * tall + limited(hand.shiftY, within: roomY - scale * (bottom - top))
    return leaning.map { line in
      line.map { point in
        InkPoint(
          x: pixels * (centerX + scale * (point.x - 0.5 * (left + right))),
          y: pixels * (centerY + scale * (point.y - 0.5 * (top + bottom))), radius: pixels * hand.penRadius * point.radius,
          ink: hand.ink * point.ink)
      }
    }
  }

  /// How far off the middle the character is, as far as there is free room.
  private func limited(_ shift: Double, within free: Double) -> Double { min(max(shift, -0.5 * max(free, 0)), 0.5 * max(free, 0)) }

  /// One piece of a line: the brightest of what is there and of the ink of a pen that goes from `a` to `b`.
  private func draw(_ a: InkPoint, _ b: InkPoint, on light: UnsafeMutableBufferPointer<Double>) {
    let soft = Self.softness * (side > Self.softSide ? (Self.softSide * side).squareRoot() : side)
    let edge = (1 + soft * soft).squareRoot()
    let reach = max(a.radius, b.radius) + 0.5 * edge
    let firstRow = pixel(min(a.y, b.y) - reach, of: height), lastRow = pixel(max(a.y, b.y) + reach, of: height)
    let firstColumn = pixel(min(a.x, b.x) - reach, of: width), lastColumn = pixel(max(a.x, b.x) + reach, of: width)
    let dx = b.x - a.x, dy = b.y - a.y
    let perLength = 1 / max(dx * dx + dy * dy, 1e-12), perEdge = 1 / edge
    for y in firstRow...lastRow {
      let fromY = Double(y) + 0.5 - a.y
      for x in firstColumn...lastColumn {
        let fromX = Double(x) + 0.5 - a.x
        let along = min(max((fromX * dx + fromY * dy) * perLength, 0), 1)
        let offX = fromX - along * dx, offY = fromY - along * dy
        let square = offX * offX + offY * offY
        if square >= reach * reach { continue }
        let depth = a.radius + along * (b.radius - a.radius) - square.squareRoot()
        let cover = min(depth * perEdge + 0.5, 1) * (a.ink + along * (b.ink - a.ink))
        if cover > light[y * width + x] { light[y * width + x] = cover }
      }
    }
  }

  private func pixel(_ position: Double, of count: Int) -> Int { Int(min(max(position, 0), Double(count - 1))) }
}
