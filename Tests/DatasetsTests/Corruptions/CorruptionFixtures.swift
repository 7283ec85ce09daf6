import Imaging
import RecipeKit

@testable import Datasets

extension Image {
  /// Something like a photograph: patches of every size, the larger the stronger; alpha in steps.
  static func scene(width: Int, height: Int, channels: Int) -> Image {
    var bytes: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<channels {
          let isAlpha = channels % 2 == 0 && c == channels - 1
          bytes.append(isAlpha ? UInt8(x * 16 % 256) : shade(y, x, c))
        }
      }
    }
    return Image(width: width, height: height, channels: channels, bytes: bytes)
  }

  private static func shade(_ y: Int, _ x: Int, _ c: Int) -> UInt8 {
    var level = 128.0
    for (octave, weight) in [(0, 2.0), (1, 4), (2, 7), (3, 12), (4, 20), (5, 24)] {
      // Shifted, lest all patches end at the same places.
      let row = (y + 3 * octave) >> octave, column = (x + 5 * octave) >> octave
      var random = StableRandom(UInt64(octave), UInt64(row << 20 + column << 4 + (octave < 3 ? 0 : c)))
      level += weight * random.bell()
    }
    return UInt8(min(max(level, 0), 255))
  }

  func meanSquaredDifference(from other: Image) -> Double {
    let sum = zip(bytes, other.bytes).reduce(0) { $0 + (Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1)) }
    return Double(sum) / Double(bytes.count)
  }
}

extension Corruption {
  /// Applied with a stream of its own.
  func applied(to image: Image, strength: Double = 1, seed: UInt64 = 0) throws -> Image {
    var random = StableRandom(seed, 0)
    return try apply(image, strength: strength, random: &random)
  }
}

extension CorruptionRegistry {
  static func make(_ name: String) throws -> any Corruption { try Choice<CorruptionRegistry>(named: name).member }
}

extension [Double] {
  var mean: Double { reduce(0, +) / Double(count) }

  /// The part of them below a bound.
  func part(below bound: Double) -> Double { Double(filter { $0 < bound }.count) / Double(count) }
}
