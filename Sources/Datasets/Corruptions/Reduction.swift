import Imaging
import RecipeKit

/// A recipe's `corruptions.reduction`: pictures are reduced by a factor that varies, corrupted at that size and enlarged to their size
/// again, as a program enlarges a photograph before a network improves it.
///
///     reduction: { factor: 2, probability: 0.5, filters: [bicubic, box, lanczos3] }
///
/// The factor that was drawn is one of the strengths, the last: 1 + strength (factor − 1).
public struct Reduction: Recipe, Equatable {
  static let name = "reduction"

  /// How many times smaller at strength 1.
  public var factor = 2.0
  /// The share of the pictures that are reduced.
  public var probability = 1.0
  /// The share of those that are reduced by exactly `factor`; the others by a factor between 1 and that, all equally likely.
  public var fullShare = 0.5
  /// One of them, at random, reduces a picture.
  public var filters = [ResizeFilter.bicubic]
  /// Enlarges it again.
  public var enlargement = ResizeFilter.bicubic

  public init() {}

  public func validate() throws(RecipeError) {
    try require(factor > 1 && factor <= 16, "factor", "expected above 1 and at most 16, found \(factor)")
    try require((0...1).contains(probability), "probability", "expected 0 to 1, found \(probability)")
    try require((0...1).contains(fullShare), "full_share", "expected 0 to 1, found \(fullShare)")
    try require(!filters.isEmpty, "filters", "expected at least one filter, found none")
  }

  /// The strength for a picture; nil for one that is not reduced.
  func drawStrength(_ random: inout StableRandom) -> Double? {
    let (isReduced, isFull, part) = (random.uniform() < probability, random.uniform() < fullShare, random.uniform())
    return isReduced ? (isFull ? 1 : part) : nil
  }

  /// The same without other corruptions in between.
  public var alone: any Corruption {
    var resampling = LowQualityResampling()
    (resampling.factor, resampling.filters, resampling.enlargement) = (factor, filters, enlargement)
    return resampling
  }

  /// The picture at a strength, of whole pixels and at least one.
  func reduced(_ image: Image, strength: Double, random: inout StableRandom) throws -> Image {
    try image.reduced(by: 1 + strength * (factor - 1), filter: filters[random.below(filters.count)])
  }
}
