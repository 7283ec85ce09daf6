/// A picture of whole samples in memory, rows from the top, channels interleaved: `Image` with 8 bits a sample, `DeepImage` with 16.
///
/// What upscaling needs of both, so that a picture of 16 bits is enlarged like one of 8.
public protocol Raster: Sendable, Equatable {
  associatedtype Sample: FixedWidthInteger & UnsignedInteger & Sendable
  var width: Int { get }
  var height: Int { get }
  var channels: Int { get }
  /// `height * width * channels` of them.
  var samples: [Sample] { get }
  /// - Precondition: as for `Image.init(width:height:channels:bytes:)`.
  init(width: Int, height: Int, channels: Int, samples: [Sample])
  /// The same picture in another number of channels, as `Image.withChannels`.
  func withChannels(_ count: Int) -> Self
  mutating func paste(_ source: Self, row: Int, column: Int)
  func cropped(row: Int, column: Int, width: Int, height: Int) -> Self
  /// The opacity as a grey picture; nil where there is none.
  var alpha: Self? { get }
  /// The same colours with the opacity of a grey picture of the same size.
  func withAlpha(_ alpha: Self) -> Self
  /// A grey picture resampled by Lanczos.
  func resizedAlpha(width: Int, height: Int) throws -> Self
}

extension Raster {
  /// All samples 0.
  public init(width: Int, height: Int, channels: Int) {
    self.init(width: width, height: height, channels: channels, samples: [Sample](repeating: 0, count: width * height * channels))
  }

  /// Pads both sides to multiples of `step`; the new pixels mirror those before the edge, as far as there are any.
  public func mirrored(toMultiplesOf step: Int) -> Self {
    let height = (self.height + step - 1) / step * step, width = (self.width + step - 1) / step * step
    if height == self.height && width == self.width { return self }
    func mirrored(_ index: Int, _ count: Int) -> Int { index < count ? index : max(2 * (count - 1) - index, 0) }
    let source = samples, channels = channels, line = self.width * channels
    let columns = (0..<width).map { mirrored($0, self.width) * channels }
    var result: [Sample] = []
    result.reserveCapacity(width * height * channels)
    for y in 0..<height {
      let row = mirrored(y, self.height) * line
      for column in columns { result.append(contentsOf: source[(row + column)..<(row + column + channels)]) }
    }
    return Self(width: width, height: height, channels: channels, samples: result)
  }
}

extension Image: Raster {
  public var samples: [UInt8] { bytes }

  public init(width: Int, height: Int, channels: Int, samples: [UInt8]) {
    self.init(width: width, height: height, channels: channels, bytes: samples)
  }

  public func resizedAlpha(width: Int, height: Int) throws -> Image { try resized(width: width, height: height) }
}
