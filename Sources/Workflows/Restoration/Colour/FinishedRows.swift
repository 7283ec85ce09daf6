import Tensors

/// The last stage of a run: rows of the result in their order, whose low frequencies are corrected as soon as those of the rows below are
/// known, and written.
///
///     out += G u − G out,      G a Gaussian of 13 pixels, u the degraded picture
///
/// A network that sees tiles, or starts from noise, may be off by a level or two over large areas; details it is trusted with.
struct FinishedRows {
  private let restorer: Restorer
  private let degraded: OrientedPicture, result: OrientedPicture
  private let correctsColor: Bool
  /// Rows of the picture and of its difference from the degraded one, `[1, C, …, W]`, from `first` on.
  private var picture: Tensor, difference: Tensor
  private var first: Int
  /// The rows of the result that are written.
  private(set) var written: Int

  /// - Parameter written: rows that an earlier run wrote. Rows are taken from `start` on.
  init(_ restorer: Restorer, degraded: OrientedPicture, result: OrientedPicture, correctsColor: Bool, written: Int) {
    (self.restorer, self.degraded, self.result, self.correctsColor) = (restorer, degraded, result, correctsColor)
    (self.written, first) = (written, Self.start(written: written))
    picture = .zeros([1, result.channels, 0, result.width])
    difference = picture
  }

  /// The first row that is to be taken.
  static func start(written: Int) -> Int { max(0, written - LowFrequencies.radius) }

  /// - Parameter x: the rows after those taken before, as diffused, `[1, C, rows, W]`.
  mutating func take(_ x: Tensor) {
    let next = first + picture.size(2)
    let degraded = enlarged(next..<(next + x.size(2))), rows = restorer.picture(x, from: degraded)
    picture = .cat([picture, rows], dim: 2)
    difference = .cat([difference, rows - degraded], dim: 2)
  }

  /// Writes what can be written.
  /// - Throws: `TorchFault` of the computation, also of the rows given.
  mutating func write(_ drift: inout ColourDrift) throws {
    try difference.validated()
    let end = first + picture.size(2), ready = end == result.height ? end : end - LowFrequencies.radius
    guard ready > written else { return }
    let known = difference.narrow(2, 0, min(ready + LowFrequencies.radius, end) - first)
    let rows = max(1, Restorer.bandPixels / result.width)
    for start in stride(from: written, to: ready, by: rows) {
      try write((start - first)..<(min(start + rows, ready) - first), known, &drift)
    }
    let kept = Self.start(written: ready), dropped = kept - first
    // Copies: a view would keep the memory of the rows above.
    picture = picture.narrow(2, dropped, end - kept).clone()
    difference = difference.narrow(2, dropped, end - kept).clone()
    (first, written) = (kept, ready)
  }

  /// - Parameters: band: rows that wait; difference: as far as it counts.
  private func write(_ band: Range<Int>, _ difference: Tensor, _ drift: inout ColourDrift) throws {
    let low = LowFrequencies.of(difference, rows: band), rows = picture.narrow(2, band.lowerBound, band.count)
    try result.write(correctsColor ? (rows - low).clamp(0...1) : rows, row: first + band.lowerBound)
    try drift.add(low)
  }

  /// Rows of the degraded picture at the size of the result.
  private func enlarged(_ rows: Range<Int>) -> Tensor {
    let factor = restorer.factor
    guard factor > 1 else { return degraded.read(rows: rows, columns: 0..<degraded.width) }
    // With a row more at each end, for the rows between.
    let small = max(rows.lowerBound / factor - 1, 0)..<min((rows.upperBound - 1) / factor + 2, degraded.height)
    let part = degraded.read(rows: small, columns: 0..<degraded.width)
    return part.interpolate(height: factor * small.count, width: result.width, .bilinear)
      .narrow(2, rows.lowerBound - factor * small.lowerBound, rows.count)
  }
}
