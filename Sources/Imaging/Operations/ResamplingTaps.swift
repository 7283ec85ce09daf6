/// For each place of the new length, the old places that count and the weight of each; weights of a place add up to 1.
struct ResamplingTaps {
  let first: [Int]
  let counts: [Int]
  /// `[new length, span]`, padded with zeros.
  let weights: [Double]
  let span: Int

  init(from old: Int, to new: Int, kernel: ResamplingKernel) {
    let scale = Double(old) / Double(new)
    let widening = max(scale, 1)
    let support = kernel.support * widening
    span = Int(support.rounded(.up)) * 2 + 1
    var first: [Int] = [], counts: [Int] = [], weights = [Double](repeating: 0, count: new * span)
    for place in 0..<new {
      let center = (Double(place) + 0.5) * scale
      // Truncation, which is what a cast in C does.
      let lower = max(0, Int(center - support + 0.5)), upper = min(old, Int(center + support + 0.5))
      let row = (lower..<upper).map { kernel((Double($0) - center + 0.5) * (1 / widening)) }
      let sum = row.reduce(0, +)
      for (index, weight) in row.enumerated() { weights[place * span + index] = sum == 0 ? weight : weight * (1 / sum) }
      first.append(lower)
      counts.append(upper - lower)
    }
    (self.first, self.counts, self.weights) = (first, counts, weights)
  }
}

extension Image {
  /// Resized by Keys' cubic with a = -1/2, widened with the reduction, without rounding to bytes: Pillow's `resize` of every channel in its
  /// mode F. Values may lie below 0 and above 255.
  /// - Returns: the samples, row by row, channels interleaved.
  /// - Throws: `ImagingError` when a side is not positive or the result exceeds `pixelLimit`.
  public func resizedFloats(width: Int, height: Int) throws -> [Float] {
    guard width > 0, height > 0 else {
      throw ImagingError(.invalid("an image cannot be resized to \(width) x \(height); both sides must be positive"))
    }
    guard width <= Self.pixelLimit / height, width <= Self.pixelLimit / self.height else {
      throw ImagingError(.tooLarge(width: width, height: max(height, self.height), limit: Self.pixelLimit))
    }
    var samples = bytes.map { Float($0) }
    if width != self.width {
      let taps = ResamplingTaps(from: self.width, to: width, kernel: .cubic)
      samples = FloatLines(samples, rows: self.height, channels: channels).resampledAcross(taps)
    }
    if height != self.height {
      let taps = ResamplingTaps(from: self.height, to: height, kernel: .cubic)
      samples = FloatLines(samples, rows: self.height, channels: channels).resampledDown(taps)
    }
    return samples
  }
}

/// Rows of samples in float32, whose weighted sums are computed in float64, as Pillow computes them.
private struct FloatLines {
  let samples: [Float]
  let rows: Int, channels: Int
  private var length: Int { samples.count / rows }

  init(_ samples: [Float], rows: Int, channels: Int) { (self.samples, self.rows, self.channels) = (samples, rows, channels) }

  func resampledAcross(_ taps: ResamplingTaps) -> [Float] {
    let count = rows * taps.first.count * channels, length = length
    return [Float](unsafeUninitializedCapacity: count) { result, filled in
      samples.withUnsafeBufferPointer { source in
        taps.weights.withUnsafeBufferPointer { weights in
          for row in 0..<rows {
            for place in 0..<taps.first.count {
              let from = row * length + taps.first[place] * channels, to = (row * taps.first.count + place) * channels
              for channel in 0..<channels {
                var sum = 0.0
                for tap in 0..<taps.counts[place] {
                  sum += Double(source[from + tap * channels + channel]) * weights[place * taps.span + tap]
                }
                result[to + channel] = Float(sum)
              }
            }
          }
        }
      }
      filled = count
    }
  }

  func resampledDown(_ taps: ResamplingTaps) -> [Float] {
    let length = length, count = taps.first.count * length
    return [Float](unsafeUninitializedCapacity: count) { result, filled in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: length) { sums in
        samples.withUnsafeBufferPointer { source in
          for row in 0..<taps.first.count {
            sums.initialize(repeating: 0)
            for tap in 0..<taps.counts[row] {
              let weight = taps.weights[row * taps.span + tap], from = (taps.first[row] + tap) * length
              for index in 0..<length { sums[index] += Double(source[from + index]) * weight }
            }
            for index in 0..<length { result[row * length + index] = Float(sums[index]) }
          }
        }
      }
      filled = count
    }
  }
}
