/// A picture of 16 bits a sample in memory, for work that must not lose them; otherwise as `Image`: rows from the top, channels
/// interleaved, 1 grey, 2 grey and alpha, 3 sRGB, 4 sRGB and alpha, alpha straight.
public struct DeepImage: Raster {
  public let width: Int
  public let height: Int
  public let channels: Int
  public private(set) var samples: [UInt16]

  /// - Precondition: positive sides, 1 to 4 channels, and the number of samples that follows from these.
  public init(width: Int, height: Int, channels: Int, samples: [UInt16]) {
    precondition(width > 0 && height > 0 && (1...4).contains(channels), "an image of \(width) x \(height) x \(channels)")
    precondition(samples.count == width * height * channels, "\(samples.count) samples for an image of \(width) x \(height) x \(channels)")
    (self.width, self.height, self.channels, self.samples) = (width, height, channels, samples)
  }

  /// The nearest picture of 8 bits a sample.
  public var narrowed: Image {
    // 65535 is 255 times 257.
    Image(width: width, height: height, channels: channels, bytes: samples.map { UInt8((Int($0) + 128) / 257) })
  }

  public func cropped(row: Int, column: Int, width: Int, height: Int) -> DeepImage {
    precondition(
      row >= 0 && column >= 0 && width > 0 && height > 0 && row + height <= self.height && column + width <= self.width,
      "a crop of \(width) x \(height) pixels at (\(row), \(column)) from \(self.width) x \(self.height)")
    var result: [UInt16] = []
    result.reserveCapacity(width * height * channels)
    for y in row..<(row + height) {
      let start = (y * self.width + column) * channels
      result.append(contentsOf: samples[start..<(start + width * channels)])
    }
    return DeepImage(width: width, height: height, channels: channels, samples: result)
  }

  public mutating func paste(_ source: DeepImage, row: Int, column: Int) {
    precondition(source.channels == channels, "an image of \(source.channels) channels pasted into one of \(channels)")
    precondition(
      row >= 0 && column >= 0 && row + source.height <= height && column + source.width <= width,
      "\(source.width) x \(source.height) pixels at (\(row), \(column)) do not fit in \(width) x \(height)")
    let length = source.width * channels
    for y in 0..<source.height {
      let to = ((row + y) * width + column) * channels
      samples.replaceSubrange(to..<(to + length), with: source.samples[(y * length)..<((y + 1) * length)])
    }
  }

  public func withChannels(_ count: Int) -> DeepImage {
    precondition((1...4).contains(count), "an image of \(count) channels; 1 to 4 are possible")
    if count == channels { return self }
    let old = channels, hasAlpha = old.isMultiple(of: 2)
    return eachPixel(channels: count) { from, to in
      if count >= 3 {
        for c in 0..<3 { to[c] = from[old < 3 ? 0 : c] }
      } else {
        to[0] = old < 3 ? from[0] : Self.luma(from)
      }
      if count.isMultiple(of: 2) { to[count - 1] = hasAlpha ? from[old - 1] : .max }
    }
  }

  public var alpha: DeepImage? {
    let old = channels
    return old.isMultiple(of: 2) ? eachPixel(channels: 1) { $1[0] = $0[old - 1] } : nil
  }

  public func withAlpha(_ alpha: DeepImage) -> DeepImage {
    precondition(alpha.channels == 1 && alpha.width == width && alpha.height == height, "an alpha of another size or of several channels")
    var result = withChannels(channels < 3 ? 2 : 4)
    for (pixel, value) in alpha.samples.enumerated() { result.samples[(pixel + 1) * result.channels - 1] = value }
    return result
  }

  /// ITU-R BT.601, as `Image.withChannels`.
  private static func luma(_ pixel: UnsafePointer<UInt16>) -> UInt16 {
    let red = Int(pixel[0]), green = Int(pixel[1]), blue = Int(pixel[2])
    return UInt16((299 * red + 587 * green + 114 * blue + 500) / 1000)
  }

  private func eachPixel(channels: Int, _ fill: (UnsafePointer<UInt16>, UnsafeMutablePointer<UInt16>) -> Void) -> DeepImage {
    let count = width * height
    let result = [UInt16](unsafeUninitializedCapacity: count * channels) { buffer, filled in
      samples.withUnsafeBufferPointer { source in
        for pixel in 0..<count { fill(source.baseAddress! + pixel * self.channels, buffer.baseAddress! + pixel * channels) }
      }
      filled = count * channels
    }
    return DeepImage(width: width, height: height, channels: channels, samples: result)
  }
}
