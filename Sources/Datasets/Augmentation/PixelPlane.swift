import Imaging

/// Pixels of up to four channels as numbers, colours multiplied by their alpha: what is summed does not bleed from invisible pixels.
struct PixelPlane {
  typealias Pixel = SIMD4<Float>

  let width: Int, height: Int
  var pixels: [Pixel]

  /// How far halving reads beyond a plane.
  static let reach = 7
  /// The half-band filter that doubles and halves: a sinc in Lanczos's window of four lobes, sinc(x) sinc(x/4), at 1/2, 3/2, 5/2 and
  /// 7/2, so scaled that both sides sum to 1.
  private static let weights = SIMD4<Float>(0.618_877, -0.166_011, 0.059_764, -0.012_630)

  /// Pixel by pixel, line by line.
  init(width: Int, height: Int, fill: (UnsafeMutableBufferPointer<Pixel>) -> Void) {
    self.width = width
    self.height = height
    pixels = Array(unsafeUninitializedCapacity: width * height) { buffer, count in
      fill(buffer)
      count = width * height
    }
  }

  init(_ image: Image) {
    let channels = image.channels
    self.init(width: image.width, height: image.height) { pixels in
      for i in 0..<(image.width * image.height) {
        var pixel = Pixel.zero
        for c in 0..<channels { pixel[c] = Float(image.bytes[i * channels + c]) }
        if image.hasAlpha {
          let alpha = pixel[channels - 1]
          pixel *= alpha / 255
          pixel[channels - 1] = alpha
        }
        pixels.initializeElement(at: i, to: pixel)
      }
    }
  }

  func image(channels: Int) -> Image {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(pixels.count * channels)
    for var pixel in pixels {
      if channels % 2 == 0 {
        let alpha = pixel[channels - 1]
        pixel *= alpha > 0 ? 255 / alpha : 0
        pixel[channels - 1] = alpha
      }
      let rounded = (pixel + 0.5).clamped(lowerBound: .zero, upperBound: Pixel(repeating: 255))
      for c in 0..<channels { bytes.append(UInt8(rounded[c])) }
    }
    return Image(width: width, height: height, channels: channels, bytes: bytes)
  }

  // ---- twice as many pixels, and half as many

  /// The plane with a pixel inserted between every two of each line; the old ones are unchanged.
  func doubledAcross() -> PixelPlane {
    let wide = 2 * width - 1, weights = Self.weights
    let pairs = (0..<(width - 1)).map { Self.pairs(around: $0, count: width) }
    return PixelPlane(width: wide, height: height) { result in
      pixels.withUnsafeBufferPointer { pixels in
        for line in 0..<height {
          let from = pixels.baseAddress! + line * width, to = result.baseAddress! + line * wide
          for i in 0..<width { (to + 2 * i).initialize(to: from[i]) }
          for i in 0..<(width - 1) { (to + 2 * i + 1).initialize(to: Self.between(from, pairs[i].left, pairs[i].right, weights)) }
        }
      }
    }
  }

  /// The plane with a line inserted between every two, and then extended by `border` mirrored pixels on each side.
  func doubledDown(border: Int) -> PixelPlane {
    let weights = Self.weights, high = 2 * height - 1, wide = width + 2 * border
    let columns = (0..<wide).map { reflected($0 - border, count: width) }
    return PixelPlane(width: wide, height: high + 2 * border) { result in
      pixels.withUnsafeBufferPointer { pixels in
        for line in 0..<(high + 2 * border) {
          let place = reflected(line - border, count: high), to = result.baseAddress! + line * wide
          let pairs = Self.pairs(around: place / 2, count: height), left = pairs.left &* width, right = pairs.right &* width
          for (i, column) in columns.enumerated() {
            let from = pixels.baseAddress! + column
            (to + i).initialize(to: place % 2 == 0 ? from[place / 2 * width] : Self.between(from, left, right, weights))
          }
        }
      }
    }
  }

  /// Every other pixel of a line that begins and ends `reach` beyond them: half itself, half what the others say of its place.
  static func halve(_ line: UnsafePointer<Pixel>, count: Int, into result: UnsafeMutablePointer<Pixel>) {
    let weights = 0.5 * Self.weights, left = SIMD4(-1, -3, -5, -7), right = SIMD4(1, 3, 5, 7)
    for i in 0..<count {
      let from = line + reach + 2 * i
      (result + i).initialize(to: 0.5 * from[0] + between(from, left, right, weights))
    }
  }

  /// The same of lines.
  func halvedDown() -> PixelPlane {
    let low = (height + 1 - 2 * Self.reach) / 2, weights = 0.5 * Self.weights
    let left = SIMD4(-1, -3, -5, -7) &* width, right = SIMD4(1, 3, 5, 7) &* width
    return PixelPlane(width: width, height: low) { result in
      pixels.withUnsafeBufferPointer { pixels in
        for line in 0..<low {
          for i in 0..<width {
            let from = pixels.baseAddress! + (Self.reach + 2 * line) * width + i
            result.initializeElement(at: line * width + i, to: 0.5 * from[0] + Self.between(from, left, right, weights))
          }
        }
      }
    }
  }

  /// The neighbours of the place after `index`, nearest first.
  private static func pairs(around index: Int, count: Int) -> (left: SIMD4<Int>, right: SIMD4<Int>) {
    var left = SIMD4<Int>.zero, right = SIMD4<Int>.zero
    for k in 0..<4 { (left[k], right[k]) = (reflected(index - k, count: count), reflected(index + 1 + k, count: count)) }
    return (left, right)
  }

  @inline(__always)
  private static func between(
    _ pixels: UnsafePointer<Pixel>, _ left: SIMD4<Int>, _ right: SIMD4<Int>, _ weights: SIMD4<Float>
  ) -> Pixel {
    var sum = Pixel.zero
    for k in 0..<4 {
      let pair: Pixel = pixels[left[k]] + pixels[right[k]]
      sum += pair * weights[k]
    }
    return sum
  }
}
