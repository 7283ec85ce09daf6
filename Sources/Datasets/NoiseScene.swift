import Imaging

/// A synthetic picture that is as expensive to decode as a photograph: slowly changing colours, texture at every scale, and
/// grain. For benchmarks without photographs.
public struct NoiseScene: Sendable {
  private let height: Int, width: Int
  private var random: StableRandom

  /// - Returns: an image of three channels, the same on every machine for the same seed.
  public static func image(height: Int, width: Int, seed: UInt64) -> Image {
    var scene = NoiseScene(height: height, width: width, random: StableRandom(seed, 0))
    return scene.draw()
  }

  private mutating func draw() -> Image {
    let colors = (0..<3).map { _ in layer(cells: 3, amplitude: 60) }
    var texture = [Float](repeating: 128, count: height * width)
    // As in photographs, the amplitude falls with the frequency.
    for (cells, amplitude) in [(4, 45), (12, 28), (36, 16), (110, 9)] as [(Int, Float)] {
      for (index, value) in layer(cells: cells, amplitude: amplitude).enumerated() { texture[index] += value }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * texture.count)
    for index in texture.indices {
      let grain = Float(random.uniform(-4, 4))
      for color in colors { bytes.append(UInt8(max(0, min(255, texture[index] + color[index] + grain)))) }
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }

  /// Random values at the corners of `cells` cells along the shorter side, straight lines between them.
  private mutating func layer(cells: Int, amplitude: Float) -> [Float] {
    let side = max(1, Float(min(height, width)) / Float(cells))
    let across = Int(Float(width) / side) + 2, down = Int(Float(height) / side) + 2
    let corners = (0..<(across * down)).map { _ in Float(random.uniform(-1, 1)) * amplitude }
    var result = [Float](repeating: 0, count: height * width)
    for row in 0..<height {
      let y = Float(row) / side, top = Int(y), dy = y - Float(top)
      for column in 0..<width {
        let x = Float(column) / side, left = Int(x), dx = x - Float(left), at = top * across + left
        let above = corners[at] + (corners[at + 1] - corners[at]) * dx
        let below = corners[at + across] + (corners[at + across + 1] - corners[at + across]) * dx
        result[row * width + column] = above + (below - above) * dy
      }
    }
    return result
  }
}
