import RecipeKit

/// What a restoring model's strengths mean, where pictures or requests are measured in other units.
public struct StrengthScales: Recipe, Equatable {
  /// The qualities of JPEG, 1 to 100, at the strengths 0 and 1 of `jpeg`; in between they are linear.
  public var jpegQualities = [100, 15]
  /// How many times larger a picture becomes at strength 1 of `reduction`; at 0 it keeps its size.
  public var reductionFactor = 2.0
  public init() {}

  public func validate() throws(RecipeError) {
    try require(
      jpegQualities.count == 2 && jpegQualities.allSatisfy((1...100).contains) && jpegQualities[0] >= jpegQualities[1], "jpeg_qualities",
      "expected the best and the worst, from 1 to 100, found \(jpegQualities)")
    try require(
      reductionFactor > 1 && reductionFactor <= 16, "reduction_factor", "expected above 1 and at most 16, found \(reductionFactor)")
  }

  /// The strength of a JPEG of a quality: the inverse of `JPEGCompression.quality(at:)`.
  public func strength(ofQuality quality: Int) -> Double {
    let best = jpegQualities[0], worst = jpegQualities[1]
    guard best > worst else { return quality <= worst ? 1 : 0 }
    return min(max(Double(best - quality) / Double(best - worst), 0), 1)
  }
}
