import Imaging
import RecipeKit

/// Compression as JPEG, colour at half the resolution for all pictures but a share of `full_color`.
///
/// Strength 0 is the best quality of the range, which is not the picture itself; strength 1 the worst. The quality is
/// worst + ⌊(1 − strength)(best − worst)⌋ with the ranges of DL-Art-School.
public struct JPEGCompression: Corruption, Equatable {
  public static let name = "jpeg"

  /// Qualities, from 1 to 100, of DL-Art-School's corruptions `jpeg-low`, `jpeg-medium`, `jpeg-broad` and `jpeg-normal`.
  public enum Range: String, Codable, Sendable, CaseIterable {
    case low, medium, broad, normal

    var qualities: ClosedRange<Int> {
      switch self {
      case .low: 15...25
      case .medium: 23...48
      case .broad: 15...75
      case .normal: 47...82
      }
    }
  }

  public var range = Range.broad
  /// Qualities that replace the range's ends: DL-Art-School's plain `jpeg` is 10 to 30.
  public var minQuality: Int?, maxQuality: Int?
  /// The share of the pictures whose colour keeps its full resolution.
  public var fullColor = 0.0
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    let worst = minQuality ?? range.qualities.lowerBound, best = maxQuality ?? range.qualities.upperBound
    try require((1...100).contains(worst), "min_quality", "expected 1 to 100, found \(worst)")
    try require(best >= worst && best <= 100, "max_quality", "expected \(worst) to 100, found \(best)")
    try require((0...1).contains(fullColor), "full_color", "expected 0 to 1, found \(fullColor)")
  }

  /// The quality at a strength.
  public func quality(at strength: Double) -> Int {
    let worst = minQuality ?? range.qualities.lowerBound, best = maxQuality ?? range.qualities.upperBound
    return worst + Int((1 - strength) * Double(best - worst))
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) throws -> Image {
    // Nothing is drawn where nothing is left to chance, so that older recipes keep their pictures.
    let keepsColor = fullColor > 0 && random.uniform() < fullColor
    return try colors.throughJPEG(quality: quality(at: strength), subsampling: keepsColor ? .full : .half)
  }
}
