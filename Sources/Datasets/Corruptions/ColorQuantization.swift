import Imaging
import RecipeKit

/// Fewer levels in each channel: as many low bits are dropped as strength × (8 − `bits`), rounded, says, and the rest is stretched
/// over 0 to 255 again. Strength 0 is the picture itself.
///
/// DL-Art-School drops two to five bits and does not stretch, which darkens.
public struct ColorQuantization: Corruption, Equatable {
  public static let name = "color_quantization"

  /// What is left of a sample's 8 bits, at strength 1.
  public var bits = 3
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require((1...7).contains(bits), "bits", "expected 1 to 7, found \(bits)")
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    let dropped = Int((strength * Double(8 - bits)).rounded())
    let highest = 255 >> dropped
    return colors.mapped(by: (0...255).map { UInt8((($0 >> dropped) * 255 + highest / 2) / highest) })
  }
}
