import Foundation

/// The weight of an old pixel by its distance from the new one, in pixels of the coarser of the two grids.
enum ResamplingKernel {
  case box, triangle, cubic, lanczos3

  /// Beyond this distance the weight is 0.
  var support: Double {
    switch self {
    case .box: 0.5
    case .triangle: 1
    case .cubic: 2
    case .lanczos3: 3
    }
  }

  func callAsFunction(_ distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .box: return distance > -0.5 && distance <= 0.5 ? 1 : 0
    case .triangle: return max(0, 1 - x)
    case .cubic:
      // Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -1/2.
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    case .lanczos3: return distance >= -3 && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0
    }
  }

  private func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
}

/// `ResamplingTaps` whose weights are in 1/2^22 and add up to about 1.
///
/// Fixed point with 22 bits is what Pillow computes 8-bit pictures with (`ImagingResample`), so that the results are the same.
struct ResamplingWeights {
  static let bits: Int32 = 22

  let first: [Int]
  let counts: [Int]
  /// `[new length, span]`, padded with zeros.
  let weights: [Int32]
  let span: Int

  init(from old: Int, to new: Int, kernel: ResamplingKernel) {
    let taps = ResamplingTaps(from: old, to: new, kernel: kernel)
    (first, counts, span) = (taps.first, taps.counts, taps.span)
    weights = taps.weights.map { weight in
      let fixed = weight * Double(1 << Self.bits)
      return Int32(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    }
  }

  @inline(__always)
  static func clamped(_ sum: Int32) -> UInt8 { UInt8(truncatingIfNeeded: max(0, min(255, sum >> bits))) }
  static let half: Int32 = 1 << (bits - 1)
}

extension Image {
  /// Along the rows, rounded to 8 bits, then along the columns: Pillow's `resize`, whose alpha is multiplied in before and
  /// divided out afterwards.
  func resampled(width: Int, height: Int, kernel: ResamplingKernel) -> Image {
    if width == self.width && height == self.height { return self }
    var result = hasAlpha ? premultiplied() : self
    if width != self.width { result = result.resampledAcross(ResamplingWeights(from: self.width, to: width, kernel: kernel)) }
    if height != self.height { result = result.resampledDown(ResamplingWeights(from: self.height, to: height, kernel: kernel)) }
    return hasAlpha ? result.unpremultiplied() : result
  }

  private func resampledAcross(_ taps: ResamplingWeights) -> Image {
    make(width: taps.first.count, height: height, channels: channels) { source, result in
      for row in 0..<height {
        let from = source + row * width * channels, to = result + row * taps.first.count * channels
        switch channels {
        case 1: resampleRow(from, to, taps, channels: 1)
        case 2: resampleRow(from, to, taps, channels: 2)
        case 3: resampleRow(from, to, taps, channels: 3)
        default: resampleRow(from, to, taps, channels: 4)
        }
      }
    }
  }

  private func resampledDown(_ taps: ResamplingWeights) -> Image {
    let length = width * channels
    return make(width: width, height: taps.first.count, channels: channels) { source, result in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: length) { sums in
        for row in 0..<taps.first.count {
          sums.initialize(repeating: ResamplingWeights.half)
          let weights = row * taps.span, count = taps.counts[row]
          // Two at a time, which halves the passes over the sums.
          for tap in stride(from: 0, to: count - 1, by: 2) {
            let weight = taps.weights[weights + tap], next = taps.weights[weights + tap + 1]
            let from = source + (taps.first[row] + tap) * length, below = from + length
            for index in 0..<length { sums[index] &+= Int32(from[index]) &* weight &+ Int32(below[index]) &* next }
          }
          if !count.isMultiple(of: 2) {
            let weight = taps.weights[weights + count - 1], from = source + (taps.first[row] + count - 1) * length
            for index in 0..<length { sums[index] &+= Int32(from[index]) &* weight }
          }
          let to = result + row * length
          for index in 0..<length { to[index] = ResamplingWeights.clamped(sums[index]) }
        }
      }
    }
  }

  /// Colours times alpha / 255, to the nearest.
  private func premultiplied() -> Image {
    make(width: width, height: height, channels: channels) { source, result in
      for start in stride(from: 0, to: bytes.count, by: channels) {
        let alpha = source[start + channels - 1]
        for c in 0..<(channels - 1) {
          let product = Int(source[start + c]) * Int(alpha) + 128
          result[start + c] = UInt8((product + product >> 8) >> 8)
        }
        result[start + channels - 1] = alpha
      }
    }
  }

  /// Colours times 255 / alpha, cut off.
  private func unpremultiplied() -> Image {
    make(width: width, height: height, channels: channels) { source, result in
      for start in stride(from: 0, to: bytes.count, by: channels) {
        let alpha = source[start + channels - 1]
        for c in 0..<(channels - 1) {
          result[start + c] = alpha == 0 ? source[start + c] : UInt8(min(255, 255 * Int(source[start + c]) / Int(alpha)))
        }
        result[start + channels - 1] = alpha
      }
    }
  }
}

@inline(__always)
private func resampleRow(
  _ from: UnsafePointer<UInt8>, _ to: UnsafeMutablePointer<UInt8>, _ taps: ResamplingWeights, channels: Int
) {
  taps.weights.withUnsafeBufferPointer { weights in
    var target = to
    for place in 0..<taps.first.count {
      var first = ResamplingWeights.half, second = first, third = first, fourth = first
      var pixel = from + taps.first[place] * channels
      let row = place * taps.span
      for tap in row..<(row + taps.counts[place]) {
        first &+= Int32(pixel[0]) &* weights[tap]
        if channels > 1 { second &+= Int32(pixel[1]) &* weights[tap] }
        if channels > 2 { third &+= Int32(pixel[2]) &* weights[tap] }
        if channels > 3 { fourth &+= Int32(pixel[3]) &* weights[tap] }
        pixel += channels
      }
      target[0] = ResamplingWeights.clamped(first)
      if channels > 1 { target[1] = ResamplingWeights.clamped(second) }
      if channels > 2 { target[2] = ResamplingWeights.clamped(third) }
      if channels > 3 { target[3] = ResamplingWeights.clamped(fourth) }
      target += channels
    }
  }
}
