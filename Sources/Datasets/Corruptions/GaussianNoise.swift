import Imaging
import RecipeKit

/// Noise of mean 0 and deviation `levels` × strength on every sample, each channel its own. Strength 0 is the picture itself.
///
/// Each number is the sum of eight uniform ones: bell-shaped, within 4.9 deviations.
public struct GaussianNoise: Corruption, Equatable {
  public static let name = "noise"

  /// The deviation in levels of 255, at strength 1. Real-ESRGAN draws up to 30; DL-Art-School adds uniform noise from 0 to 6,
  /// which brightens.
  public var levels = 25.0
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require(levels > 0 && levels <= 128, "levels", "expected more than 0 and at most 128 of 255, found \(levels)")
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    // Eight numbers of 16 bits have the mean sum 262,140 and the deviation 65,536 √(8/12).
    let factor = Int64((levels * strength / (65_536 * (2.0 / 3).squareRoot()) * 0x1p32).rounded())
    let bytes = colors.bytes.map { sample -> UInt8 in
      let sum = Self.fourParts(random.bits()) + Self.fourParts(random.bits()) - 262_140
      return UInt8(clamping: Int64(sample) + (sum * factor + 1 << 31) >> 32)
    }
    return Image(width: colors.width, height: colors.height, channels: colors.channels, bytes: bytes)
  }

  private static func fourParts(_ bits: UInt64) -> Int64 {
    Int64(bits & 0xFFFF) + Int64(bits >> 16 & 0xFFFF) + Int64(bits >> 32 & 0xFFFF) + Int64(bits >> 48)
  }
}
