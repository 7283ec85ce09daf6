import Imaging
import RecipeKit

/// Colours on their way to grey of the same luma (ITU-R BT.601); none are left at strength 1. Strength 0 is the picture itself, and a
/// grey picture stays as it is.
///
/// DL-Art-School's `greyscale` is the mean of the channels at any strength.
public struct Grey: Corruption, Equatable {
  public static let name = "grey"

  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    guard colors.channels == 3 else { return colors }
    let grey = colors.withChannels(1).bytes
    let part = Int((strength * 65_536).rounded())
    var bytes = colors.bytes
    for i in bytes.indices {
      let difference = Int(grey[i / 3]) - Int(bytes[i])
      bytes[i] = UInt8(Int(bytes[i]) + (difference * part + 1 << 15) >> 16)
    }
    return Image(width: colors.width, height: colors.height, channels: 3, bytes: bytes)
  }
}
