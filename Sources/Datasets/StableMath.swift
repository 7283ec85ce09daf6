/// Functions that differ between the mathematical libraries of systems, here from additions and multiplications alone, which are
/// exact to the bit everywhere: what is drawn or filtered with them is the same on every machine. Right to about 15 digits.
enum StableMath {
  /// 1 − cos(x), for x from 0 to π/2, without the cancellation near 0.
  static func versine(_ x: Double) -> Double {
    // x²/2! − x⁴/4! + …; the thirteenth term is below 1e-21.
    var term = 1.0, sum = 0.0
    for k in 1...13 {
      let divisor = (2 * k - 1) * (2 * k)
      term *= -x * x / Double(divisor)
      sum -= term
    }
    return sum
  }

  /// Cosine and sine of an angle, in turns from the x axis, counter-clockwise.
  static func direction(turns: Double) -> (cosine: Double, sine: Double) {
    let quarters = (turns - turns.rounded(.down)) * 4
    let quadrant = Int(quarters), x = (quarters - Double(quadrant)) * (Double.pi / 2)
    var term = x, sine = x
    for k in 1...13 {
      let divisor = 2 * k * (2 * k + 1)
      term *= -x * x / Double(divisor)
      sine += term
    }
    let cosine = 1 - versine(x)
    return switch quadrant {
    case 0: (cosine, sine)
    case 1: (-sine, cosine)
    case 2: (-cosine, -sine)
    default: (sine, -cosine)
    }
  }

  /// e to the power of −x, for x of 0 or more.
  static func decay(_ x: Double) -> Double {
    guard x < 745 else { return 0 }
    var halvings = 0, small = x
    while small > 0.5 { (small, halvings) = (small / 2, halvings + 1) }
    var term = 1.0, sum = 1.0
    for k in 1...16 {
      term *= -small / Double(k)
      sum += term
    }
    for _ in 0..<halvings { sum *= sum }
    return sum
  }
}
