import Foundation
import Tensors

/// A picture's low frequencies: it convolved with a Gaussian of 13 pixels, as wide as a network at work on details never sees at once.
struct LowFrequencies {
  /// The standard deviation in pixels.
  static let sigma = 13.0
  /// Where the Gaussian is cut off.
  static let radius = 39
  /// Pixels that one product of matrices gives.
  private static let block = 256

  /// Weights from −radius to radius, which add up to one.
  private static let taps: [Float] = {
    let weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
    let sum = weights.reduce(0, +)
    return weights.map { Float($0 / sum) }
  }()

  /// - Parameter x: `[1, C, rows + 2 radius, W]`; across, what lies beyond the border is taken as the border.
  /// - Returns: `[1, C, rows, W]`.
  static func of(_ x: Tensor) -> Tensor {
    let down = blocks(x.size(2) - 2 * radius).map { block in
      matrix(block.count).transpose(0, 1).matmul(x.narrow(2, block.lowerBound, block.count + 2 * radius))
    }
    let wide = Tensor.cat(down, dim: 2).pad(top: 0, bottom: 0, left: radius, right: radius, with: .replicate)
    let across = blocks(x.size(3)).map { block in
      wide.narrow(3, block.lowerBound, block.count + 2 * radius).matmul(matrix(block.count))
    }
    return .cat(across, dim: 3)
  }

  private static func blocks(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: block).map { $0..<min($0 + block, count) }
  }

  /// The convolution of a line: `[count + 2 radius, count]`. A product with a band of it is faster than a convolution of one channel.
  private static func matrix(_ count: Int) -> Tensor {
    var band = [Float](repeating: 0, count: (count + 2 * radius) * count)
    for column in 0..<count {
      for (index, tap) in taps.enumerated() { band[(column + index) * count + column] = tap }
    }
    return Tensor(band, [count + 2 * radius, count])
  }
}
