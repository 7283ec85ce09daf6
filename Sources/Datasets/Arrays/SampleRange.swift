/// The numbers that stand for black and white in an array of images.
public enum SampleRange: String, Codable, Sendable, CaseIterable {
  /// 0 to 255.
  case bytes
  /// 0 to 1.
  case unit
  /// -1 to 1.
  case signed
  /// 0 to 65535.
  case uint16

  var low: Double { self == .signed ? -1 : 0 }
  var high: Double {
    switch self {
    case .bytes: 255
    case .unit, .signed: 1
    case .uint16: 65_535
    }
  }

  /// The choices, as messages list them.
  static let choices = "unit (0 to 1), signed (-1 to 1), bytes (0 to 255) or uint16 (0 to 65535)"

  /// The range by the numbers of some pictures, if it is unambiguous.
  ///
  /// Whole numbers from 0 to 255 that reach beyond 1 are bytes. Numbers within 0 and 1 that reach near 1, and numbers within -1 and
  /// 1 that reach near -1, are unit and signed; a small overshoot, as of a resampling, proves nothing. Everything else is ambiguous.
  static func detected(low: Double, high: Double, areWhole: Bool) -> SampleRange? {
    if areWhole, low >= 0, high > 1, high <= 255 { return .bytes }
    if low >= 0, high > 0.5, high <= 1 { return .unit }
    if low >= -1, low <= -0.5, high <= 1 { return .signed }
    return nil
  }

  /// The sample of 8 bits; nil for a NaN, or off the range: beyond rounding where steps are whole numbers, else by
  /// more than a step, the overshoot of a resampling.
  func sample(_ value: Double) -> UInt8? {
    let scaled = (value - low) * (255 / (high - low)), tolerance = self == .bytes ? 0.5 : self == .uint16 ? 0 : 1
    // Also false for a NaN.
    guard scaled >= -tolerance, scaled <= 255 + tolerance else { return nil }
    return UInt8(min(max(scaled, 0), 255).rounded())
  }
}
