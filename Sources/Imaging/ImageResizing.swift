internal import CVips

/// How a pixel of the new size is made from those of the old.
public enum ResizeFilter: String, Sendable, CaseIterable {
  /// The windowed sinc of Lanczos with three lobes: for photographs.
  case lanczos3
  /// The mean over the area that the new pixel covers: exact, never darker or lighter than what was there. For making smaller.
  case box
  /// The nearest pixel: for masks, and for pictures whose pixels shall stay visible.
  case nearest
}

extension Image {
  /// - Throws: `ImagingError` when a side is not positive or the result exceeds `pixelLimit`; with `lanczos3` also when
  ///   libvips is missing.
  public func resized(width: Int, height: Int, filter: ResizeFilter = .lanczos3) throws -> Image {
    guard width > 0, height > 0 else {
      throw ImagingError(.invalid("an image cannot be resized to \(width) x \(height); both sides must be positive"))
    }
    guard width <= Self.pixelLimit / height else {
      throw ImagingError(.tooLarge(width: width, height: height, limit: Self.pixelLimit))
    }
    if width == self.width && height == self.height { return self }
    switch filter {
    case .nearest: return nearest(width: width, height: height)
    case .box: return box(width: width, height: height)
    case .lanczos3: return try lanczos3(width: width, height: height)
    }
  }

  func nearest(width: Int, height: Int) -> Image {
    // The centre of new pixel i lies at (i + 1/2) old/new; in whole numbers, so that it is the same everywhere.
    let columns = (0..<width).map { (2 * $0 + 1) * self.width / (2 * width) * channels }
    var result: [UInt8] = []
    result.reserveCapacity(width * height * channels)
    for y in 0..<height {
      let row = (2 * y + 1) * self.height / (2 * height) * self.width * channels
      for column in columns {
        for c in 0..<channels { result.append(bytes[row + column + c]) }
      }
    }
    return Image(width: width, height: height, channels: channels, bytes: result)
  }

  private func lanczos3(width: Int, height: Int) throws -> Image {
    do {
      return try VipsCall.run {
        bytes.withUnsafeBytes { pixels -> Image? in
          let image = VipsHandle(cv_wrap(pixels.baseAddress, Int32(self.width), Int32(self.height), Int32(channels)))
          guard let image else { return nil }
          let resized = VipsHandle(cv_resize_lanczos3(image.raw, Int32(width), Int32(height), hasAlpha ? 1 : 0))
          guard let resized else { return nil }
          return Image(copying: resized)
        }
      }
    } catch let failure as VipsCall.Failure {
      throw ImagingError(.invalid("resizing to \(width) x \(height) failed: \(failure.message)"))
    }
  }
}

/// The box filter, one axis after the other; colours are weighted by their alpha, or invisible pixels would bleed.
extension Image {
  private func box(width: Int, height: Int) -> Image {
    let across = AreaWeights(from: self.width, to: width)
    let down = AreaWeights(from: self.height, to: height)
    let source = premultiplied()
    let lying = down.apply(to: source, lines: 1, length: self.height, stride: self.width * channels)
    let samples = across.apply(to: lying, lines: height, length: self.width, stride: channels)
    return Image(width: width, height: height, channels: channels, bytes: unpremultiplied(samples))
  }

  private func premultiplied() -> [Double] {
    var samples = bytes.map(Double.init)
    guard hasAlpha else { return samples }
    for start in stride(from: 0, to: samples.count, by: channels) {
      for c in 0..<(channels - 1) { samples[start + c] *= samples[start + channels - 1] / 255 }
    }
    return samples
  }

  private func unpremultiplied(_ samples: [Double]) -> [UInt8] {
    guard hasAlpha else { return samples.map { UInt8($0 + 0.5) } }
    var result = [UInt8](repeating: 0, count: samples.count)
    for start in stride(from: 0, to: samples.count, by: channels) {
      let alpha = samples[start + channels - 1]
      result[start + channels - 1] = UInt8(alpha + 0.5)
      guard alpha > 0 else { continue }
      for c in 0..<(channels - 1) { result[start + c] = UInt8(min(255, samples[start + c] * 255 / alpha + 0.5)) }
    }
    return result
  }
}

/// For each place of the new length, the old places that it covers and how much of each.
private struct AreaWeights {
  private var first: [Int] = []
  private var weights: [[Double]] = []

  init(from old: Int, to new: Int) {
    // In units of 1/new of an old pixel, new place i covers [i old, (i + 1) old): whole numbers, no rounding at the seams.
    for i in 0..<new {
      let start = i * old, end = start + old
      let places = (start / new)...((end - 1) / new)
      first.append(places.lowerBound)
      weights.append(places.map { Double(min(end, ($0 + 1) * new) - max(start, $0 * new)) / Double(old) })
    }
  }

  /// `samples` as `[lines, length, stride]`; the result is `[lines, new length, stride]`.
  func apply(to samples: [Double], lines: Int, length: Int, stride: Int) -> [Double] {
    var result = [Double](repeating: 0, count: lines * weights.count * stride)
    for line in 0..<lines {
      for (place, row) in weights.enumerated() {
        let to = (line * weights.count + place) * stride
        for (offset, weight) in row.enumerated() {
          let from = (line * length + first[place] + offset) * stride
          for s in 0..<stride { result[to + s] += weight * samples[from + s] }
        }
      }
    }
    return result
  }
}
