/// How a pixel of the new size is made from those of the old.
public enum ResizeFilter: String, Codable, Sendable, CaseIterable {
  /// The windowed sinc of Lanczos with three lobes: for photographs.
  case lanczos3
  /// Keys' cubic with a = -1/2: softer, and with less ringing.
  case bicubic
  /// A straight line from pixel to pixel; for reduction, a tent over twice the area of the new pixel.
  case bilinear
  /// The mean over the area that the new pixel covers: exact, with the same mean brightness. For reduction.
  case box
  /// The nearest pixel: for masks and pixel art.
  case nearest
}

extension ResizeFilter {
  /// Nil for `nearest` and `box`, which are computed otherwise.
  var kernel: ResamplingKernel? {
    switch self {
    case .lanczos3: .lanczos3
    case .bicubic: .cubic
    case .bilinear: .triangle
    case .box, .nearest: nil
    }
  }
}

extension Image {
  /// Colours are weighted by their alpha, or invisible pixels would bleed.
  ///
  /// `lanczos3`, `bicubic` and `bilinear` widen with the reduction, so that nothing is skipped. They go along the rows first and
  /// round to 8 bits in between, in Pillow's arithmetic: the pixels are Pillow's wherever it takes the rows first, too.
  /// - Throws: `ImagingError` when a side is not positive or the result exceeds `pixelLimit`.
  public func resized(width: Int, height: Int, filter: ResizeFilter = .lanczos3) throws -> Image {
    guard width > 0, height > 0 else {
      throw ImagingError(.invalid("an image cannot be resized to \(width) x \(height); both sides must be positive"))
    }
    guard width <= Self.pixelLimit / height else {
      throw ImagingError(.tooLarge(width: width, height: height, limit: Self.pixelLimit))
    }
    if let kernel = filter.kernel { return resampled(width: width, height: height, kernel: kernel) }
    return filter == .box ? areaAveraged(width: width, height: height) : nearest(width: width, height: height)
  }

  func nearest(width: Int, height: Int) -> Image {
    if width == self.width && height == self.height { return self }
    // The centre of new pixel i lies at (i + 1/2) old/new; in whole numbers, so that it is the same everywhere.
    let columns = (0..<width).map { (2 * $0 + 1) * self.width / (2 * width) * channels }
    return make(width: width, height: height, channels: channels) { source, result in
      var target = result
      for y in 0..<height {
        let row = source + (2 * y + 1) * self.height / (2 * height) * self.width * channels
        for column in columns {
          for c in 0..<channels { target[c] = row[column + c] }
          target += channels
        }
      }
    }
  }
}
