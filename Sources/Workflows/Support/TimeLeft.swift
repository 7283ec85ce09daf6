/// The time that work still takes, by its rate since the first step that was seen: what an earlier session had done says nothing of it.
public struct TimeLeft: Sendable {
  private var first: (fraction: Double, seconds: Double)?

  public init() {}

  /// - Parameters:
  ///   - fraction: the completed fraction, 0 to 1.
  ///   - now: seconds on a clock of the caller's.
  /// - Returns: seconds; nil until a thousandth of the work was seen.
  public mutating func seconds(at fraction: Double, now: Double) -> Double? {
    guard let first else {
      first = (fraction, now)
      return nil
    }
    let done = fraction - first.fraction
    return done > 0.001 ? (1 - fraction) * (now - first.seconds) / done : nil
  }
}
