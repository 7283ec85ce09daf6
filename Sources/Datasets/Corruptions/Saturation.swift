import Imaging
import RecipeKit

/// Too much light: every sample is raised by `lift` × strength of the whole range, and what leaves the range is white.
/// Strength 0 is the picture itself.
public struct Saturation: Corruption, Equatable {
  public static let name = "saturation"

  /// A part of the range from black to white, at strength 1. DL-Art-School has 0.3.
  public var lift = 0.3
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require(lift > 0 && lift <= 1, "lift", "expected more than 0 and at most 1, found \(lift)")
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    let raise = Int((255 * lift * strength).rounded())
    return colors.mapped(by: (0...255).map { UInt8(min(255, $0 + raise)) })
  }
}
