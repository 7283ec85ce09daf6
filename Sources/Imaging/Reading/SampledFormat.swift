/// A picture whose samples lie in the file uncompressed, so that there is nothing to decode: it is read here, for the libvips that comes
/// with the wheel has no reader for it.
protocol SampledFormat: Sendable {
  var width: Int { get }
  var height: Int { get }
  /// 1 grey, 3 sRGB, 4 sRGB and alpha.
  var channels: Int { get }
  /// Whether the file has more than 8 bits a sample.
  var isDeep: Bool { get }
  /// Where the samples begin in the file if they are those of an `Image` as they lie; nil if they must be rearranged.
  var plainStart: Int? { get }
  /// The samples from the top, channels interleaved, as numbers of which `white` stands for white, to the nearest.
  /// - Throws: `ImagingError.Problem` for samples that are missing or out of range.
  func samples<Sample: FixedWidthInteger>(of bytes: UnsafeRawBufferPointer, white: Int) throws(ImagingError.Problem) -> [Sample]
}
