import Foundation
import Tensors

/// A picture's low frequencies: it convolved with a Gaussian of 13 pixels, wider than details are. Beyond the border there is nothing, and the
/// weights within add up to one: the border's pixels count no more than others.
enum LowFrequencies {
  /// The standard deviation in pixels.
  static let sigma = 13.0
  /// Where the Gaussian is cut off.
  static let radius = 39
  /// Pixels that one product of matrices gives.
  private static let block = 256

  private static let taps: [Double] = (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }

  /// - Parameters:
  ///   - x: `[1, C, H, W]`, rows of a picture from `radius` above those that are wanted to `radius` below, or as far as it goes.
  ///   - wanted: rows of x.
  /// - Returns: `[1, C, wanted rows, W]`.
  static func of(_ x: Tensor, rows wanted: Range<Int>) -> Tensor {
    let down = blocks(wanted).map { block in
      let (source, weights) = weights(block, within: x.size(2))
      return weights.matmul(x.narrow(2, source.lowerBound, source.count))
    }
    let smooth = Tensor.cat(down, dim: 2)
    let across = blocks(0..<x.size(3)).map { block in
      let (source, weights) = weights(block, within: x.size(3))
      return smooth.narrow(3, source.lowerBound, source.count).matmul(weights.transpose(0, 1))
    }
    return .cat(across, dim: 3)
  }

  private static func blocks(_ range: Range<Int>) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: block).map { $0..<min($0 + block, range.upperBound) }
  }

  /// The convolution of a part of a line, `[places, source]`: a product with a band of a matrix is faster than a convolution of one channel.
  private static func weights(_ places: Range<Int>, within length: Int) -> (source: Range<Int>, Tensor) {
    let source = max(places.lowerBound - radius, 0)..<min(places.upperBound + radius, length)
    var band = [Float](repeating: 0, count: places.count * source.count)
    for (row, place) in places.enumerated() {
      let seen = max(place - radius, 0)..<min(place + radius + 1, length)
      let sum = seen.reduce(0) { $0 + taps[$1 - place + radius] }
      for pixel in seen { band[row * source.count + pixel - source.lowerBound] = Float(taps[pixel - place + radius] / sum) }
    }
    return (source, Tensor(band, [places.count, source.count]))
  }
}
