import Tensors

/// The last stage of a run: rows of the result in their order, which are finished as soon as those below that a finish looks at are known,
/// and written.
struct FinishedRows {
  private let finish: any RowFinish
  private let source: RestorationSourceRows, result: OrientedPicture
  /// Rows are finished by multiples of it.
  private let alignment: Int
  /// Rows of the picture, `[1, C, …, W]`, and what they are compared with, from `first` on.
  private var picture: Tensor, reference: Tensor?
  private var first: Int
  /// The rows of the result that are written.
  private(set) var written: Int

  /// - Parameter written: rows that an earlier run wrote. Rows are taken from `start` on.
  init(_ finish: any RowFinish, source: RestorationSourceRows, result: OrientedPicture, alignment: Int, written: Int) {
    (self.finish, self.source, self.result, self.alignment) = (finish, source, result, alignment)
    (self.written, first) = (written, Self.start(finish, written: written))
    picture = .zeros([1, result.channels, 0, result.width])
  }

  /// The first row that is to be taken.
  static func start(_ finish: any RowFinish, written: Int) -> Int { max(0, written - finish.radius) }

  /// - Parameter x: the rows after those taken before, as diffused, `[1, C, rows, W]`.
  mutating func take(_ x: Tensor) {
    let next = first + picture.size(2), rows = finish.reference(next..<(next + x.size(2)), of: source)
    picture = .cat([picture, finish.picture(x, rows.narrow(1, 0, result.channels))], dim: 2)
    reference = reference.map { .cat([$0, rows], dim: 2) } ?? rows
  }

  /// Writes what can be written.
  /// - Throws: `TorchFault` of the computation, also of the rows given.
  mutating func write(_ drift: inout ColourDrift) throws {
    try picture.validated()
    guard let reference = try reference?.validated() else { return }
    let end = first + picture.size(2), ready = end == result.height ? end : end - finish.radius
    guard ready > written else { return }
    let rows = max(1, Restorer.bandPixels / result.width).rounded(upTo: alignment)
    for start in stride(from: written, to: ready, by: rows) {
      let band = start..<min(start + rows, ready)
      let seen = max(band.lowerBound - finish.radius, first)..<min(band.upperBound + finish.radius, end)
      let finished = try finish.finished(
        picture.narrow(2, seen.lowerBound - first, seen.count), reference.narrow(2, seen.lowerBound - first, seen.count),
        rows: (band.lowerBound - seen.lowerBound)..<(band.upperBound - seen.lowerBound), drift: &drift)
      try result.write(finished, row: band.lowerBound)
    }
    let kept = Self.start(finish, written: ready), dropped = kept - first
    // Copies: a view would keep the memory of the rows above.
    picture = picture.narrow(2, dropped, end - kept).clone()
    self.reference = reference.narrow(2, dropped, end - kept).clone()
    (first, written) = (kept, ready)
  }
}
