import RecipeKit

/// How many pictures training does not see, so that what was learned can be tried on them: a share below 1, or a number of
/// pictures; 0 for none.
public enum HoldOut: Codable, Sendable, Equatable {
  case share(Double)
  case count(Int)

  public static let none = HoldOut.count(0)

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let count = try? container.decode(Int.self), count >= 0 {
      self = .count(count)
    } else if let share = try? container.decode(Double.self), share > 0, share < 1 {
      self = .share(share)
    } else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a share of the pictures below 1, such as 0.05, or a number of them, such as 500")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .share(let share): try share.encode(to: encoder)
    case .count(let count): try count.encode(to: encoder)
    }
  }

  /// How many of so many pictures are held out.
  package func pictures(of total: Int) -> Int {
    switch self {
    case .share(let share): Int((share * Double(total)).rounded())
    case .count(let count): min(count, total)
    }
  }
}

/// Which pictures of a data set are for training and which are held out.
///
/// It depends on the data set alone, not on the seed of a training, so that trainings compare and a resumed one never sees what
/// was held out. Each source of a mix, and in it each class that is known without reading the pictures, gives in proportion
/// to its pictures; each keeps at least one for training.
public struct DataSplit: Sendable, Equatable {
  /// Indices into the data set, in random order.
  public let validation: [Int]
  /// For each part of the data set those of its indices that are for training, ascending; nil where all are.
  let training: [[Int]]?

  init(_ dataset: any Dataset, _ holdOut: HoldOut) {
    let wanted = holdOut.pictures(of: dataset.count)
    guard wanted > 0 else {
      (validation, training) = ([], nil)
      return
    }
    let parts = dataset.parts
    let strata = parts.flatMap { Self.strata(of: dataset, in: $0.range) }
    let numbers = Self.apportioned(wanted, among: strata.map(\.count))
    var held = Set<Int>()
    for (stratum, number) in zip(strata, numbers) {
      let drawn = stratum.sorted { Self.rank($0) < Self.rank($1) }
      held.formUnion(drawn.prefix(min(number, stratum.count - 1)))
    }
    // In the order of the draw, so that the first of them are a sample of all.
    validation = held.sorted { Self.rank($0) < Self.rank($1) }
    training = parts.map { part in part.range.filter { !held.contains($0) } }
  }

  /// The indices of each class; those without a known class together.
  private static func strata(of dataset: any Dataset, in range: Range<Int>) -> [[Int]] {
    let byClass = Dictionary(grouping: range) { dataset.label(at: $0) ?? -1 }
    return byClass.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Where an index stands in the draw: any two sets share their draw where they share their indices.
  private static func rank(_ index: Int) -> UInt64 { StableRandom.mix(UInt64(index) &+ 0x2545_F491_4F6C_DD1D) }

  /// `total` in proportion to `sizes`, by largest remainder.
  static func apportioned(_ total: Int, among sizes: [Int]) -> [Int] {
    let all = sizes.reduce(0, +)
    guard all > 0 else { return sizes.map { _ in 0 } }
    let exact = sizes.map { Double(total) * Double($0) / Double(all) }
    var numbers = exact.map { Int($0) }
    let order = sizes.indices.sorted { (exact[$0] - Double(numbers[$0]), $1) > (exact[$1] - Double(numbers[$1]), $0) }
    for index in order.prefix(total - numbers.reduce(0, +)) { numbers[index] += 1 }
    return numbers
  }
}
