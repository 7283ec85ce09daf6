/// How one person writes on one day: drawn once for an image, so that all strokes of a character agree.
struct Hand {
  /// Shear: how far the top leans to the right, in heights.
  var slant: Double
  /// Cosine and sine of a turn of the whole character, clockwise.
  var cosine: Double, sine: Double
  /// Width to height, against the drawn shape.
  var aspect: Double
  /// Height of the character and radius of the pen, in sides of the image.
  var height: Double, penRadius: Double
  /// Deviation of knots, of whole strokes and of the line between knots, in hundredths of the height.
  var jitter: Double, strokeJitter: Double, wobble: Double
  /// How often corners are rubbed round.
  var smoothing: Int
  /// How much the pen thins where a stroke begins and ends, how much its weight varies between.
  var taper: Double, weightVariation: Double
  /// Brightness of the ink, and how uneven it lies.
  var ink: Double, grain: Double
  /// Centre of the character from the centre of the image, in sides.
  var shiftX: Double, shiftY: Double

  init(_ random: inout StableRandom) {
    let care = random.uniform()
    slant = 0.08 + 0.15 * random.bell()
    // With t the tangent of half the angle, the turn needs no sine.
    let t = 0.03 * random.bell()
    cosine = (1 - t * t) / (1 + t * t)
    sine = 2 * t / (1 + t * t)
    aspect = 1.02 + 0.12 * random.bell()
    height = random.uniform(0.60, 0.76)
    penRadius = 0.034 + 0.026 * random.uniform() + 0.010 * random.uniform()
    jitter = 1.0 + 1.9 * care
    strokeJitter = 0.8 + 1.2 * care
    wobble = 0.4 + 0.9 * random.uniform()
    smoothing = random.below(4)
    taper = 0.45 * random.uniform()
    weightVariation = 0.05 + 0.13 * random.uniform()
    ink = random.uniform(0.86, 1)
    grain = random.uniform(0, 0.12)
    shiftX = 0.022 * random.bell()
    shiftY = 0.022 * random.bell()
  }
}

/// A point of a written line with the radius of the pen and the brightness of the ink there.
struct InkPoint {
  var x: Double
  var y: Double
  var radius: Double
  var ink: Double
}

/// Follows the strokes of a shape as a hand would: nearly through the knots, wavering between them.
struct Handwriting {
  private let hand: Hand
  /// What is left of the stream after writing is free for the next use.
  var random: StableRandom

  /// Distance between points of the written line, in the unit of shapes: shorter than any pen is wide.
  private static let step = 4.0

  init(hand: Hand, random: StableRandom) {
    self.hand = hand
    self.random = random
  }

  /// The lines of a shape, in the unit of shapes; radius and ink are factors near 1.
  mutating func write(_ shape: GlyphShape) -> [[InkPoint]] {
    shape.strokes.map { stroke in
      var line = trace(disturbed(stroke))
      waver(&line)
      for _ in 0..<hand.smoothing { smooth(&line) }
      press(&line)
      return line
    }
  }

  /// Knots as this hand places them, the ends a little early or late.
  private mutating func disturbed(_ stroke: [GlyphShape.Knot]) -> [GlyphShape.Knot] {
    let moveX = hand.strokeJitter * random.bell(), moveY = hand.strokeJitter * random.bell()
    var knots = stroke.map { knot in
      GlyphShape.Knot(
        x: knot.x + moveX + hand.jitter * random.bell(), y: knot.y + moveY + hand.jitter * random.bell(),
        isCorner: knot.isCorner)
    }
    let last = knots.count - 1
    extend(&knots[0], awayFrom: knots[1], by: 1.5 * random.bell())
    extend(&knots[last], awayFrom: knots[last - 1], by: 1 + 2.5 * random.bell())
    return knots
  }

  private func extend(_ knot: inout GlyphShape.Knot, awayFrom other: GlyphShape.Knot, by length: Double) {
    let dx = knot.x - other.x, dy = knot.y - other.y
    let distance = (dx * dx + dy * dy).squareRoot()
    guard distance > 1 else { return }
    knot.x += length * dx / distance
    knot.y += length * dy / distance
  }

  /// Points at about equal distances along a Catmull-Rom spline through the knots, broken at corners.
  private mutating func trace(_ knots: [GlyphShape.Knot]) -> [InkPoint] {
    var line = [InkPoint(x: knots[0].x, y: knots[0].y, radius: 1, ink: 1)]
    for i in 1..<knots.count {
      let a = knots[i - 1], b = knots[i]
      // Beyond an end or a corner the curve goes on as if mirrored, which leaves it without a bend there.
      let before = i > 1 && !a.isCorner ? knots[i - 2] : mirrored(b, at: a)
      let after = i + 1 < knots.count && !b.isCorner ? knots[i + 1] : mirrored(a, at: b)
      append(to: &line, before, a, b, after)
    }
    return line
  }

  /// The far end of the tangent at an open end: opposite to the neighbour, and a little aside, since no hand draws a ruler's line.
  private mutating func mirrored(_ neighbour: GlyphShape.Knot, at end: GlyphShape.Knot) -> GlyphShape.Knot {
    let dx = end.x - neighbour.x, dy = end.y - neighbour.y
    let aside = 0.12 * random.bell()
    return GlyphShape.Knot(x: end.x + dx - aside * dy, y: end.y + dy + aside * dx, isCorner: false)
  }

  private func append(
    to line: inout [InkPoint], _ p0: GlyphShape.Knot, _ p1: GlyphShape.Knot, _ p2: GlyphShape.Knot, _ p3: GlyphShape.Knot
  ) {
    let dx = p2.x - p1.x, dy = p2.y - p1.y
    let count = max(1, Int((dx * dx + dy * dy).squareRoot() / Self.step + 0.5))
    // Half the chord between the neighbours, as Catmull and Rom have it.
    let m1x = 0.5 * (p2.x - p0.x), m1y = 0.5 * (p2.y - p0.y)
    let m2x = 0.5 * (p3.x - p1.x), m2y = 0.5 * (p3.y - p1.y)
    for i in 1...count {
      let t = Double(i) / Double(count), t2 = t * t, t3 = t2 * t
      let h01 = 3 * t2 - 2 * t3, h10 = t3 - 2 * t2 + t, h11 = t3 - t2
      line.append(
        InkPoint(
          x: p1.x + h01 * dx + h10 * m1x + h11 * m2x, y: p1.y + h01 * dy + h10 * m1y + h11 * m2y, radius: 1, ink: 1))
    }
  }

  /// Slow deviation from the intended line.
  private mutating func waver(_ line: inout [InkPoint]) {
    var x = SlowNoise(period: 5, &random), y = SlowNoise(period: 5, &random)
    for i in line.indices {
      line[i].x += hand.wobble * x.next(&random)
      line[i].y += hand.wobble * y.next(&random)
    }
  }

  private func smooth(_ line: inout [InkPoint]) {
    guard line.count > 2 else { return }
    var previous = line[0]
    for i in 1..<(line.count - 1) {
      let here = line[i]
      line[i].x = 0.25 * (previous.x + line[i + 1].x) + 0.5 * here.x
      line[i].y = 0.25 * (previous.y + line[i + 1].y) + 0.5 * here.y
      previous = here
    }
  }

  /// The pen's weight along the line: uneven, and less at the ends.
  private mutating func press(_ line: inout [InkPoint]) {
    var weight = SlowNoise(period: 6, &random), ink = SlowNoise(period: 4, &random)
    let start = hand.taper * random.uniform(), end = hand.taper
    for i in line.indices {
      let fromStart = min(1, Double(i) / 5), fromEnd = min(1, Double(line.count - 1 - i) / 6)
      let taper = (1 - start * (1 - fromStart)) * (1 - end * (1 - fromEnd))
      line[i].radius = taper * (1 + hand.weightVariation * weight.next(&random))
      line[i].ink = min(1, 1 - hand.grain * (0.5 + 0.5 * ink.next(&random)))
    }
  }
}

/// Random numbers that change slowly: bell-shaped values, `period` steps apart, with smooth passages between.
private struct SlowNoise {
  private let period: Int
  private var position = 0
  private var from: Double, to: Double

  init(period: Int, _ random: inout StableRandom) {
    self.period = period
    from = random.bell()
    to = random.bell()
  }

  mutating func next(_ random: inout StableRandom) -> Double {
    let t = Double(position) / Double(period)
    let value = from + (to - from) * t * t * (3 - 2 * t)
    position += 1
    if position == period {
      position = 0
      from = to
      to = random.bell()
    }
    return value
  }
}
