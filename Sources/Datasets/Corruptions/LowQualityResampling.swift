import Imaging
import RecipeKit

/// Made smaller by 1 + (`factor` − 1) × strength, with a filter drawn from a list, and enlarged again. Strength 0 is the picture itself.
///
/// DL-Art-School has the factors 1, 2 and 4 alone, from strengths of 0.3 and 0.7, and enlarges after all other corruptions.
public struct LowQualityResampling: Corruption, Equatable {
  public static let name = "lq_resampling"

  /// How many times smaller each side becomes, at strength 1.
  public var factor = 4.0
  /// One of these makes it smaller, by chance.
  public var filters = [ResizeFilter.nearest, .bilinear, .bicubic, .lanczos3]
  /// Makes it as large as it was.
  public var enlargement = ResizeFilter.bilinear
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require(factor > 1 && factor <= 64, "factor", "expected more than 1 and at most 64, found \(factor)")
    try require(!filters.isEmpty, "filters", "expected at least one of \(ResizeFilter.allCases.map(\.rawValue).joined(separator: ", "))")
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) throws -> Image {
    let filter = filters[random.below(filters.count)]
    return try colors.reduced(by: 1 + (factor - 1) * strength, filter: filter)
      .resized(width: colors.width, height: colors.height, filter: enlargement)
  }
}

extension Image {
  /// Each side divided by `divisor` and rounded, at least one pixel.
  func reduced(by divisor: Double, filter: ResizeFilter) throws -> Image {
    func side(_ side: Int) -> Int { max(1, Int((Double(side) / divisor).rounded())) }
    return try resized(width: side(width), height: side(height), filter: filter)
  }
}
