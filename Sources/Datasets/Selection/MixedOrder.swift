/// The order in which training visits data sets that are mixed by weight.
///
/// Positions come in blocks. A block gives each part its due number of places and shuffles them, so that the weights hold in every
/// block to the last place, and each part is visited in a `VisitingOrder` of its own. As there, what stands at a position is
/// computed from the position alone.
struct MixedOrder: Sendable, Equatable {
  /// The places of each part in a block.
  let places: [Int]
  private let blockLength: Int
  private let seed: UInt64
  private let orders: [VisitingOrder]

  /// - Parameters:
  ///   - counts: of each part, its pictures.
  ///   - weights: of each part, positive; as many.
  init(counts: [Int], weights: [Double], seed: UInt64) {
    places = Self.places(weights)
    blockLength = places.reduce(0, +)
    self.seed = seed
    orders = counts.enumerated().map { part, count in
      VisitingOrder(count: count, seed: part == 0 ? seed : StableRandom.mix(seed &+ UInt64(part)))
    }
  }

  /// The part that is visited at a position, and which of its pictures.
  subscript(position: Int) -> (part: Int, number: Int) {
    if orders.count == 1 { return (0, orders[0][position]) }
    let block = position / blockLength
    var place = VisitingOrder(count: blockLength, seed: seed)[position]
    var part = 0
    while place >= places[part] {
      place -= places[part]
      part += 1
    }
    return (part, orders[part][block * places[part] + place])
  }

  /// The shortest block in which the weights are whole numbers; where there is none, one of 4096 with the nearest numbers, at least
  /// one for each.
  static func places(_ weights: [Double]) -> [Int] {
    let total = weights.reduce(0, +)
    let shares = weights.map { $0 / total }
    for length in weights.count...longest {
      let exact = shares.map { $0 * Double(length) }
      if exact.allSatisfy({ abs($0 - $0.rounded()) < 1e-9 && $0 > 0.5 }) { return exact.map { Int($0.rounded()) } }
    }
    return shares.map { max(1, Int(($0 * Double(longest)).rounded())) }
  }

  private static let longest = 4096
}
