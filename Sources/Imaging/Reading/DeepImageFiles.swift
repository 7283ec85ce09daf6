internal import CVips
import Failures
import Foundation

extension PictureReader {
  /// The whole picture in 16 bits a sample: upright, grey or sRGB, with the alpha channel that the file has.
  /// - Throws: `ImagingError`, as `image()`, and for a picture that has not `isDeep`.
  public func deepImage() throws -> DeepImage {
    guard isDeep else { throw ImagingError(file: name, .unsupported("it has 8 bits a sample, expected 16")) }
    return try source.deepImage().turned(orientation)
  }
}

extension EncodedPicture {
  /// The samples in 16 bits, not turned.
  func deepImage() throws -> DeepImage {
    if let sampled {
      do throws(ImagingError.Problem) {
        let samples = try sampled.samples(of: bytes.buffer, white: 65_535) as [UInt16]
        return DeepImage(width: sampled.width, height: sampled.height, channels: sampled.channels, samples: samples)
      } catch { throw ImagingError(file: name, error) }
    }
    return try attempt {
      guard let source = handle(""), let pixels = in16Bits(source) else { return nil }
      return DeepImage(pixels)
    }
  }
}

extension DeepImage {
  /// Nil where the pixels could not be computed.
  fileprivate init?(_ pixels: borrowing VipsHandle) {
    let width = Int(cv_width(pixels.raw)), height = Int(cv_height(pixels.raw)), channels = Int(cv_channels(pixels.raw))
    guard (1...4).contains(channels) else { return nil }
    let count = width * height * channels
    var failed = false
    let samples = [UInt16](unsafeUninitializedCapacity: count) { buffer, filled in
      failed = cv_copy_region(pixels.raw, 0, 0, Int32(width), Int32(height), buffer.baseAddress) != 0
      filled = failed ? 0 : count
    }
    if failed { return nil }
    self.init(width: width, height: height, channels: channels, samples: samples)
  }

  /// The upright picture of which this is the stored one.
  func turned(_ orientation: EXIFOrientation) -> DeepImage {
    if orientation.isNone { return self }
    let (newWidth, newHeight) = orientation.transposes ? (height, width) : (width, height)
    var result: [UInt16] = []
    result.reserveCapacity(samples.count)
    for row in 0..<newHeight {
      for column in 0..<newWidth {
        let stored = orientation.storedArea(PixelArea(row: row, column: column, width: 1, height: 1), width: width, height: height)
        let from = (stored.row * width + stored.column) * channels
        result.append(contentsOf: samples[from..<(from + channels)])
      }
    }
    return DeepImage(width: newWidth, height: newHeight, channels: channels, samples: result)
  }

  /// Writes the picture as a PNG or TIFF of 16 bits a sample, under a temporary name, then renames.
  /// - Throws: `ImagingError`, also for a file name of another format, which would lose the bits.
  public func write(to file: String) throws {
    let format = try ImageFormat(forFile: file)
    guard format.holdsDeepSamples else { throw ImagingError(file: file, .unencodable("16 bits a sample are written as PNG and TIFF only")) }
    try PictureFile.write(to: file) { try encoded(as: format) }
  }

  private func encoded(as format: ImageFormat) throws -> [UInt8] {
    do {
      return try VipsCall.run {
        samples.withUnsafeBytes { pixels -> [UInt8]? in
          let image = VipsHandle(cv_wrap_deep(pixels.baseAddress, Int32(width), Int32(height), Int32(channels)))
          guard let image else { return nil }
          return format.encode(image)
        }
      }
    } catch let failure as VipsCall.Failure { throw ImagingError(.unencodable(failure.message)) }
  }
}
