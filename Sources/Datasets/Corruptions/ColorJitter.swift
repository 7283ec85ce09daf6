import Imaging
import RecipeKit

/// Brightness, contrast, colourfulness and hue changed, in this order, each by an amount drawn between − and + its key times the
/// strength: all four are one matrix and one offset. Strength 0 is the picture itself; of a grey picture the first two change.
///
///     x ← b x,    x ← m + c (x − m) with m the mean luma,    x ← y + s (x − y) with y the luma,    x turned about the grey axis
public struct ColorJitter: Corruption, Equatable {
  public static let name = "color_jitter"

  /// Factors are 1 ± these, at strength 1. DL-Art-School has 0.2 for each.
  public var brightness = 0.2, contrast = 0.2, saturation = 0.2
  /// Turns of the hue at strength 1: 0.5 reaches the complementary colour. DL-Art-School has 0.2.
  public var hue = 0.05
  public var probability = 1.0, strength = StrengthBounds(), place = CorruptionPlace.afterDownsampling

  public init() {}

  public func validate() throws(RecipeError) {
    try require((0...1).contains(brightness), "brightness", "expected 0 to 1, found \(brightness)")
    try require((0...1).contains(contrast), "contrast", "expected 0 to 1, found \(contrast)")
    try require((0...1).contains(saturation), "saturation", "expected 0 to 1, found \(saturation)")
    try require((0...0.5).contains(hue), "hue", "expected 0 to 0.5 turns, found \(hue)")
    try require(max(brightness, contrast, saturation, hue) > 0, "brightness", "expected one of the four above 0, found none")
  }

  public func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) -> Image {
    let b = 1 + brightness * strength * random.uniform(-1, 1), c = 1 + contrast * strength * random.uniform(-1, 1)
    let s = 1 + saturation * strength * random.uniform(-1, 1), turns = hue * strength * random.uniform(-1, 1)
    if strength == 0 { return colors }
    let grey = colors.withChannels(1).bytes
    let mean = Double(grey.reduce(into: 0) { $0 += Int($1) }) / Double(grey.count)
    let offset = Int(((1 - c) * b * mean * 65_536).rounded()) + 1 << 15
    guard colors.channels == 3 else {
      let gain = Int((b * c * 65_536).rounded())
      return colors.mapped(by: (0...255).map { UInt8(clamping: ($0 * gain + offset) >> 16) })
    }
    return colors.transformed(by: Self.matrix(gain: b * c, colorfulness: s, turns: turns), offset: offset)
  }

  /// Row by row: gain, then away from the luma or towards it, then the turn about the grey axis (1, 1, 1). Greys stay grey.
  static func matrix(gain: Double, colorfulness: Double, turns: Double) -> [Double] {
    let (cosine, sine) = StableMath.direction(turns: turns)
    let along = (1 - cosine) / 3, aside = sine / 3.0.squareRoot()
    let (here, next, last) = (cosine + along, along - aside, along + aside)
    let turn = [here, next, last, last, here, next, next, last, here]
    // The rows of the turn have the sum 1, so the luma's part passes through it.
    let luma = [0.299, 0.587, 0.114]
    return (0..<9).map { gain * (colorfulness * turn[$0] + (1 - colorfulness) * luma[$0 % 3]) }
  }
}

extension Image {
  /// - Parameters:
  ///   - matrix: three rows of three, from red, green and blue.
  ///   - offset: added to every sample, in 65,536ths, with the half that rounds.
  fileprivate func transformed(by matrix: [Double], offset: Int) -> Image {
    let whole = matrix.map { Int(($0 * 65_536).rounded()) }
    var result = bytes
    for start in stride(from: 0, to: result.count, by: 3) {
      let red = Int(bytes[start]), green = Int(bytes[start + 1]), blue = Int(bytes[start + 2])
      for c in 0..<3 {
        let sum = whole[3 * c] * red + whole[3 * c + 1] * green + whole[3 * c + 2] * blue
        result[start + c] = UInt8(clamping: (sum + offset) >> 16)
      }
    }
    return Image(width: width, height: height, channels: 3, bytes: result)
  }
}
