/// The part of a training's batches that one of several processes computes.
///
/// Places are dealt out in runs, so that the processes together see the examples, noise and timesteps that a single one would see.
public struct BatchShare: Sendable, Equatable {
  /// Images of the whole batch.
  public let total: Int
  /// The places of this process's images.
  public let range: Range<Int>
  /// The number of the process.
  public let rank: Int

  /// - Precondition: no more processes than images.
  public init(of total: Int, rank: Int = 0, size: Int = 1) {
    precondition(size <= total, "\(size) processes for \(total) images; each needs one")
    (self.total, self.rank) = (total, rank)
    range = rank * total / size..<(rank + 1) * total / size
  }

  public var isWhole: Bool { range.count == total }
}
