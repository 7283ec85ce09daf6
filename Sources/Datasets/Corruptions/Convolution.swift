import Imaging

/// How much of a neighbour goes into a pixel.
struct KernelTap {
  var row: Int
  var column: Int
  var weight: Double
}

extension Image {
  /// Each pixel as the weighted mean of its neighbours, the same to the bit everywhere: weights are 32,768ths, so that the sums in
  /// single precision are exact, and the mean is rounded to nearest. Beyond the border the outermost pixels are repeated.
  /// - Parameter kernel: weights of 0 or more, of whatever sum, one of them positive.
  func convolved(with kernel: [KernelTap]) -> Image {
    let weights = Self.wholeWeights(kernel.map(\.weight))
    let taps = zip(kernel, weights).filter { $1 > 0 }.map { KernelTap(row: $0.row, column: $0.column, weight: $1) }
    let down = taps.reduce(0) { max($0, abs($1.row)) }, across = taps.reduce(0) { max($0, abs($1.column)) }
    // As many rows as the kernel has, each in the place of the one that is no longer needed.
    let rows = 2 * down + 1, length = width * channels, stride = (width + 2 * across) * channels
    var ring = [Float](repeating: 0, count: rows * stride)
    let result = [UInt8](unsafeUninitializedCapacity: length * height) { result, count in
      count = length * height
      var next = -down
      for y in 0..<height {
        while next <= y + down {
          let slot = (next + down) % rows * stride
          ring.withUnsafeMutableBufferPointer { extend(row: min(max(next, 0), height - 1), by: across, into: $0.baseAddress! + slot) }
          next += 1
        }
        ring.withUnsafeBufferPointer { ring in
          let sources = taps.map { tap in
            (ring.baseAddress! + (y + tap.row + down) % rows * stride + (tap.column + across) * channels, Float(tap.weight))
          }
          Self.weightedMeans(of: sources, into: result.baseAddress! + y * length, count: length)
        }
      }
    }
    return Image(width: width, height: height, channels: channels, bytes: result)
  }

  private static func weightedMeans(
    of sources: [(samples: UnsafePointer<Float>, weight: Float)], into result: UnsafeMutablePointer<UInt8>, count: Int
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { sums in
      // From 2^23 to 2^24 the bits of a Float count ones: 255 x 2^15 is less, and 2^14 rounds.
      sums.initialize(repeating: 0x1p23 + 0x1p14)
      let sums = sums.baseAddress!
      for (samples, weight) in sources {
        for i in 0..<count { sums[i] += weight * samples[i] }
      }
      for i in 0..<count { result[i] = UInt8(truncatingIfNeeded: sums[i].bitPattern >> 15) }
    }
  }

  /// One row, with its first pixel repeated before it and its last one after it.
  private func extend(row: Int, by pixels: Int, into result: UnsafeMutablePointer<Float>) {
    bytes.withUnsafeBufferPointer { bytes in
      let source = bytes.baseAddress! + row * width * channels, length = width * channels, margin = pixels * channels
      for i in 0..<length { result[margin + i] = Float(source[i]) }
      for i in 0..<margin {
        result[i] = Float(source[i % channels])
        result[margin + length + i] = Float(source[length - channels + i % channels])
      }
    }
  }

  /// Whole numbers in the proportions of the weights, with the sum 32,768; what rounding leaves over goes to the largest.
  private static func wholeWeights(_ weights: [Double]) -> [Double] {
    let sum = weights.reduce(0, +)
    precondition(sum > 0, "a kernel without a positive weight")
    var whole = weights.map { ($0 / sum * 32_768).rounded() }
    let largest = whole.indices.max { whole[$0] < whole[$1] } ?? 0
    whole[largest] += 32_768 - whole.reduce(0, +)
    return whole
  }
}
