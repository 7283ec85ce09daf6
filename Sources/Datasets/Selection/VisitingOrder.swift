/// The order in which training visits a data set: each epoch a permutation of its own, every index once in it.
///
/// The index at a position is computed from the position alone, without a table, so training resumes anywhere at no cost and
/// several processes agree without communicating. A Feistel network over the smallest even number of bits that holds the indices,
/// walked until it comes back into range (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
public struct VisitingOrder: Sendable, Equatable {
  /// How many examples an epoch has.
  public let count: Int
  public let seed: UInt64
  private let halfBits: UInt64

  /// - Precondition: at least one example.
  public init(count: Int, seed: UInt64) {
    precondition(count > 0, "an order of \(count) examples; at least one is needed")
    self.count = count
    self.seed = seed
    let bits = UInt64.bitWidth - UInt64(count - 1).leadingZeroBitCount
    halfBits = UInt64(max(1, (bits + 1) / 2))
  }

  /// The index of the example that is visited at a position, counted from the start of training over all epochs.
  public subscript(position: Int) -> Int {
    precondition(position >= 0, "position \(position) of an order; it begins at 0")
    let key = StableRandom.mix(seed ^ StableRandom.mix(UInt64(position / count) &+ 0x5851_F42D_4C95_7F2D))
    var value = UInt64(position % count)
    repeat { value = permuted(value, key: key) } while value >= UInt64(count)
    return Int(value)
  }

  private func permuted(_ value: UInt64, key: UInt64) -> UInt64 {
    let mask = (1 << halfBits) - 1 as UInt64
    var left = value >> halfBits, right = value & mask
    for round in 0..<8 as Range<UInt64> {
      (left, right) = (right, left ^ (StableRandom.mix(key &+ right << 4 &+ round) & mask))
    }
    return left << halfBits | right
  }
}
