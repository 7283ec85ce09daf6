import Imaging
import RecipeKit

/// Blur along a straight line, as from a camera that moved: at strength s each pixel is the mean over a line of
/// 1 + (`size` − 1) s pixels through it. Strength 0 is the picture itself.
public struct MotionBlur: Corruption, Equatable {
  public static let name = "motion_blur"

  /// Length of the line in pixels, at strength 1. DL-Art-School has 4.
  public var size = 15.0
  /// The angle of the line, in degrees counter-clockwise from the horizontal; random for each picture if nil.
  public var angle: Double?
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require(size > 1 && size <= 255, "size", "expected more than 1 and at most 255 pixels, found \(size)")
    if let angle { try require(abs(angle) <= 360, "angle", "expected -360 to 360 degrees, found \(angle)") }
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    // A line that is turned by half a turn is the same line.
    let turns = angle.map { $0 / 360 } ?? random.uniform(0, 0.5)
    return strength == 0 ? colors : colors.convolved(with: Self.line(length: (size - 1) * strength, turns: turns))
  }

  /// A line through the middle pixel, four points to a pixel, each shared among the four pixels around it.
  private static func line(length: Double, turns: Double) -> [KernelTap] {
    let (cosine, sine) = StableMath.direction(turns: turns)
    let reach = Int(length / 2) + 1, side = 2 * reach + 1
    let points = max(1, Int((4 * length).rounded(.up)))
    var taps = (0..<(side * side)).map { KernelTap(row: $0 / side - reach, column: $0 % side - reach, weight: 0) }
    for point in 0..<points {
      let along = length * ((Double(point) + 0.5) / Double(points) - 0.5)
      // Rows count downwards.
      let x = along * cosine, y = -along * sine
      let column = Int(x.rounded(.down)), row = Int(y.rounded(.down))
      let right = x - Double(column), below = y - Double(row)
      let corner = (row + reach) * side + column + reach
      taps[corner].weight += (1 - right) * (1 - below)
      taps[corner + 1].weight += right * (1 - below)
      taps[corner + side].weight += (1 - right) * below
      taps[corner + side + 1].weight += right * below
    }
    return taps.filter { $0.weight > 0 }
  }
}
