import Archives
import Imaging

/// Pictures in an array, with one of three orders of their axes.
struct ArrayImages {
  let array: NumberArray
  let shape: ImageShape
  private let isPlanar: Bool
  private let range: SampleRange
  /// What a sample of the array is multiplied by: 255 for booleans.
  private let factor: Double

  /// The most bytes to look at to find the range of floats; every picture is checked again when it is read.
  private static let searchLimit = 1 << 26

  init(_ array: NumberArray, layout: ArrayDataset.Layout?, range: SampleRange?) throws {
    self.array = array
    (shape, isPlanar) = try Self.shape(of: array, layout)
    factor = array.isBoolean ? 255 : 1
    self.range = try range ?? (array.isFloat ? Self.detectedRange(of: array) : array.isUnsigned16 ? Self.width(of: array) : .bytes)
  }

  private static func shape(of array: NumberArray, _ layout: ArrayDataset.Layout?) throws(DatasetError) -> (ImageShape, Bool) {
    let s = array.shape
    let layout = if let layout { layout } else { try inferred(s, array.name) }
    guard s.count == (layout == .nhw ? 3 : 4) else { throw DatasetError(array.name, .notOfLayout(layout.rawValue, s)) }
    let shape =
      switch layout {
      case .nhw: ImageShape(height: s[1], width: s[2], channels: 1)
      case .nhwc: ImageShape(height: s[1], width: s[2], channels: s[3])
      case .nchw: ImageShape(height: s[2], width: s[3], channels: s[1])
      }
    guard !s.contains(0), shape.width <= Image.pixelLimit / shape.height else { throw DatasetError(array.name, .size(s)) }
    guard (1...4).contains(shape.channels) else { throw DatasetError(array.name, .notOfLayout(layout.rawValue, s)) }
    return (shape, layout == .nchw)
  }

  /// The order of the axes, where only one is possible: a side of 4 pixels and less could be the channels.
  private static func inferred(_ shape: [Int], _ name: String) throws(DatasetError) -> ArrayDataset.Layout {
    guard (3...4).contains(shape.count) else {
      throw DatasetError(name, .shape(shape, expected: "images [N, H, W], [N, H, W, C] or [N, C, H, W]"))
    }
    if shape.contains(0) { throw DatasetError(name, .size(shape)) }
    switch shape.count {
    case 3 where shape[1] > 4 && shape[2] > 4: return .nhw
    case 4 where shape[3] <= 4 && shape[1] > 4: return .nhwc
    case 4 where shape[1] <= 4 && shape[3] > 4: return .nchw
    default: throw DatasetError(name, .layout(shape))
    }
  }

  /// The range of floats, by the smallest and the largest.
  private static func detectedRange(of array: NumberArray) throws -> SampleRange {
    var low = Double.infinity, high = -Double.infinity, areWhole = true
    for index in surveyed(array) {
      for value in try array.numbers(index..<(index + 1)) {
        guard value.isFinite else { throw DatasetError(array.name, .sample(value, picture: index, low: -1, high: 1)) }
        low = min(low, value)
        high = max(high, value)
        if areWhole, value != value.rounded() { areWhole = false }
      }
    }
    guard let range = SampleRange.detected(low: low, high: high, areWhole: areWhole) else {
      throw DatasetError(array.name, .range(low: low, high: high))
    }
    return range
  }

  /// Numbers of 16 bits are samples of 16 bits, unless none is larger than a byte.
  private static func width(of array: NumberArray) throws -> SampleRange {
    for index in surveyed(array) where try array.numbers(index..<(index + 1)).contains(where: { $0 > 255 }) { return .uint16 }
    return .bytes
  }

  /// All pictures or, where these are many, some that are evenly spread.
  private static func surveyed(_ array: NumberArray) -> some Sequence<Int> {
    let wanted = max(1, min(array.count, searchLimit / max(1, 8 * array.rowLength)))
    return (0..<wanted).lazy.map { $0 * array.count / wanted }
  }

  /// - Throws: `DatasetError` for a picture with samples off the range, `ArchiveError` when the file has changed.
  func image(at index: Int) throws -> Image {
    let samples = try array.isBytes && range == .bytes ? array.bytes(index..<(index + 1)) : converted(index)
    return Image(
      width: shape.width, height: shape.height, channels: shape.channels,
      bytes: isPlanar ? interleaved(samples, channels: shape.channels) : samples)
  }

  private func converted(_ index: Int) throws -> [UInt8] {
    try array.numbers(index..<(index + 1)).map { value in
      guard let sample = range.sample(value * factor) else {
        throw DatasetError(array.name, .sample(value, picture: index, low: range.low, high: range.high))
      }
      return sample
    }
  }
}

/// Samples with the channels of a pixel together, of those with the pixels of a channel together.
func interleaved(_ planes: [UInt8], channels: Int) -> [UInt8] {
  let area = planes.count / channels
  return [UInt8](unsafeUninitializedCapacity: planes.count) { buffer, filled in
    for channel in 0..<channels {
      for pixel in 0..<area { buffer[pixel * channels + channel] = planes[channel * area + pixel] }
    }
    filled = planes.count
  }
}
