internal import CTorch

// Elementwise arithmetic. Shapes broadcast as in PyTorch: axes are matched from the last, and an axis of 1 is repeated.
extension Tensor {
  public static func + (a: Tensor, b: Tensor) -> Tensor { a.binary("+", b, ct_add) }
  public static func - (a: Tensor, b: Tensor) -> Tensor { a.binary("-", b, ct_sub) }
  public static func * (a: Tensor, b: Tensor) -> Tensor { a.binary("*", b, ct_mul) }
  public static func / (a: Tensor, b: Tensor) -> Tensor { a.binary("/", b, ct_div) }
  public static func + (a: Tensor, s: Double) -> Tensor { a.unary("+") { ct_add_scalar($0, s) } }
  public static func - (a: Tensor, s: Double) -> Tensor { a.unary("-") { ct_add_scalar($0, -s) } }
  public static func * (a: Tensor, s: Double) -> Tensor { a.unary("*") { ct_mul_scalar($0, s) } }
  public static func / (a: Tensor, s: Double) -> Tensor { a.unary("/") { ct_div_scalar($0, s) } }
  public static func + (s: Double, a: Tensor) -> Tensor { a + s }
  public static func - (s: Double, a: Tensor) -> Tensor { a.unary("-") { ct_rsub_scalar($0, s) } }
  public static func * (s: Double, a: Tensor) -> Tensor { a * s }
  public static func / (s: Double, a: Tensor) -> Tensor { a.unary("/") { ct_rdiv_scalar($0, s) } }
  public static prefix func - (a: Tensor) -> Tensor { a.unary("-", ct_neg) }

  public func pow(_ exponent: Double) -> Tensor { unary("pow") { ct_pow_scalar($0, exponent) } }
  public func pow(_ exponent: Tensor) -> Tensor { binary("pow", exponent, ct_pow) }
  public func maximum(_ other: Tensor) -> Tensor { binary("maximum", other, ct_maximum) }
  public func minimum(_ other: Tensor) -> Tensor { binary("minimum", other, ct_minimum) }
  /// Limits elements to `range`.
  public func clamp(_ range: ClosedRange<Double>) -> Tensor {
    unary("clamp") { ct_clamp($0, range.lowerBound, range.upperBound) }
  }
  /// self + weight (other - self).
  public func lerp(_ other: Tensor, _ weight: Double) -> Tensor { binary("lerp", other) { ct_lerp($0, $1, weight) } }
  /// a where the condition holds, b elsewhere.
  public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    apply("where", [condition, a, b]) { ct_where($0[0], $0[1], $0[2]) }
  }

  // MARK: Elementwise functions

  public func abs() -> Tensor { unary("abs", ct_abs) }
  public func exp() -> Tensor { unary("exp", ct_exp) }
  public func log() -> Tensor { unary("log", ct_log) }
  public func sqrt() -> Tensor { unary("sqrt", ct_sqrt) }
  public func square() -> Tensor { unary("square", ct_square) }
  public func sin() -> Tensor { unary("sin", ct_sin) }
  public func cos() -> Tensor { unary("cos", ct_cos) }
  public func tanh() -> Tensor { unary("tanh", ct_tanh) }
  public func sigmoid() -> Tensor { unary("sigmoid", ct_sigmoid) }
  /// x sigmoid(x).
  public func silu() -> Tensor { unary("silu", ct_silu) }
  /// x Φ(x), computed with the error function.
  public func gelu() -> Tensor { unary("gelu", ct_gelu) }
  /// x Φ(x), approximated as ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and Gimpel 2016).
  public func geluTanh() -> Tensor { unary("geluTanh", ct_gelu_tanh) }
  public func relu() -> Tensor { unary("relu", ct_relu) }
  public func leakyReLU(_ slope: Double) -> Tensor { unary("leakyReLU") { ct_leaky_relu_scalar($0, slope) } }
  public func floor() -> Tensor { unary("floor", ct_floor) }
  /// Rounds to the nearest integer, ties to even.
  public func round() -> Tensor { unary("round", ct_round) }

  // MARK: Comparisons, which return tensors of bool

  public func eq(_ other: Tensor) -> Tensor { binary("eq", other, ct_eq) }
  public func ne(_ other: Tensor) -> Tensor { binary("ne", other, ct_ne) }
  public func lt(_ other: Tensor) -> Tensor { binary("lt", other, ct_lt) }
  public func le(_ other: Tensor) -> Tensor { binary("le", other, ct_le) }
  public func gt(_ other: Tensor) -> Tensor { binary("gt", other, ct_gt) }
  public func ge(_ other: Tensor) -> Tensor { binary("ge", other, ct_ge) }
  public func eq(_ value: Double) -> Tensor { unary("eq") { ct_eq_scalar($0, value) } }
  public func lt(_ value: Double) -> Tensor { unary("lt") { ct_lt_scalar($0, value) } }
  public func le(_ value: Double) -> Tensor { unary("le") { ct_le_scalar($0, value) } }
  public func gt(_ value: Double) -> Tensor { unary("gt") { ct_gt_scalar($0, value) } }
  public func ge(_ value: Double) -> Tensor { unary("ge") { ct_ge_scalar($0, value) } }
  public func and(_ other: Tensor) -> Tensor { binary("and", other, ct_logical_and) }
  public func or(_ other: Tensor) -> Tensor { binary("or", other, ct_logical_or) }
  public func not() -> Tensor { unary("not", ct_logical_not) }
  public func isFinite() -> Tensor { unary("isFinite", ct_isfinite) }
  public func isNaN() -> Tensor { unary("isNaN", ct_isnan) }
}

/// x sigmoid(x), as the papers write it.
public func silu(_ x: Tensor) -> Tensor { x.silu() }
