import Imaging
import RecipeKit

/// Blur by a Gaussian of deviation `sigma` × strength, out to three deviations. Strength 0 is the picture itself.
public struct GaussianBlur: Corruption, Equatable {
  public static let name = "gaussian_blur"

  /// The standard deviation in pixels at strength 1. DL-Art-School has 1.5, Real-ESRGAN draws up to 3.
  public var sigma = 3.0
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require(sigma > 0 && sigma <= 50, "sigma", "expected more than 0 and at most 50 pixels, found \(sigma)")
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    let deviation = sigma * strength
    guard deviation > 0 else { return colors }
    let reach = Int((3 * deviation).rounded(.up))
    let weights = (-reach...reach).map { ($0, StableMath.decay(Double($0 * $0) / (2 * deviation * deviation))) }
    return colors.convolved(with: weights.map { KernelTap(row: 0, column: $0, weight: $1) })
      .convolved(with: weights.map { KernelTap(row: $0, column: 0, weight: $1) })
  }
}
