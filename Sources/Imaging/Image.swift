/// A picture of 8 bits a sample in memory: rows from the top, channels interleaved (HWC), nothing between rows.
///
/// Channels: 1 grey, 2 grey and alpha, 3 sRGB, 4 sRGB and alpha. Alpha is straight, not premultiplied.
public struct Image: Sendable, Equatable {
  public let width: Int
  public let height: Int
  public let channels: Int
  /// `height * width * channels` samples.
  public private(set) var bytes: [UInt8]

  /// More pixels than this are refused before anything is decoded: 2 to the power of 28, a square of 16,384.
  public static let pixelLimit = 1 << 28

  /// - Precondition: positive sides, 1 to 4 channels, and the number of bytes that follows from these.
  public init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
    precondition(width > 0 && height > 0, "an image of \(width) x \(height) pixels; both sides must be positive")
    precondition((1...4).contains(channels), "an image of \(channels) channels; 1 to 4 are possible")
    precondition(
      bytes.count == width * height * channels,
      "\(bytes.count) bytes for an image of \(width) x \(height) x \(channels), which takes \(width * height * channels)")
    self.width = width
    self.height = height
    self.channels = channels
    self.bytes = bytes
  }

  /// An image of one colour, given by one value for each channel.
  public init(width: Int, height: Int, color: [UInt8]) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * height * color.count)
    for _ in 0..<(width * height) { bytes.append(contentsOf: color) }
    self.init(width: width, height: height, channels: color.count, bytes: bytes)
  }

  /// One sample.
  public subscript(row: Int, column: Int, channel: Int = 0) -> UInt8 {
    get { bytes[index(row, column, channel)] }
    set { bytes[index(row, column, channel)] = newValue }
  }

  private func index(_ row: Int, _ column: Int, _ channel: Int) -> Int {
    precondition(
      row >= 0 && row < height && column >= 0 && column < width && channel >= 0 && channel < channels,
      "sample (\(row), \(column), \(channel)) of an image of \(height) rows, \(width) columns, \(channels) channels")
    return (row * width + column) * channels + channel
  }

  public var hasAlpha: Bool { channels == 2 || channels == 4 }

  /// - Parameter values: one for each pixel of an image with alpha.
  mutating func setAlpha(_ values: [UInt8]) {
    let channels = channels
    bytes.withUnsafeMutableBufferPointer { samples in
      for (pixel, value) in values.enumerated() { samples[(pixel + 1) * channels - 1] = value }
    }
  }

  /// Copies `source` over this image, its upper left corner at (`row`, `column`); it must lie inside, with the same channels.
  public mutating func paste(_ source: Image, row: Int, column: Int) {
    precondition(source.channels == channels, "an image of \(source.channels) channels pasted into one of \(channels)")
    precondition(
      row >= 0 && column >= 0 && row + source.height <= height && column + source.width <= width,
      "\(source.width) x \(source.height) pixels at (\(row), \(column)) do not fit in \(width) x \(height)")
    let length = source.width * channels
    for y in 0..<source.height {
      let from = y * length
      let to = ((row + y) * width + column) * channels
      bytes.replaceSubrange(to..<(to + length), with: source.bytes[from..<(from + length)])
    }
  }
}
