extension DeepImage {
  /// By the arithmetic of `Image.resized`, in 16 bits: along the rows first, rounded in between.
  public func resizedAlpha(width: Int, height: Int) throws -> DeepImage {
    guard width > 0, height > 0, width <= Image.pixelLimit / height else {
      throw ImagingError(.tooLarge(width: width, height: height, limit: Image.pixelLimit))
    }
    return across(width).down(height)
  }

  private func across(_ newWidth: Int) -> DeepImage {
    if newWidth == width { return self }
    let taps = ResamplingWeights(from: width, to: newWidth, kernel: .lanczos3)
    return resampled(width: newWidth, height: height) { row, column in
      taps.sum(at: column) { Int(samples[row * width + $0]) }
    }
  }

  private func down(_ newHeight: Int) -> DeepImage {
    if newHeight == height { return self }
    let taps = ResamplingWeights(from: height, to: newHeight, kernel: .lanczos3)
    return resampled(width: width, height: newHeight) { row, column in
      taps.sum(at: row) { Int(samples[$0 * width + column]) }
    }
  }

  private func resampled(width: Int, height: Int, _ sample: (Int, Int) -> Int) -> DeepImage {
    precondition(channels == 1, "an opacity of \(channels) channels")
    var result: [UInt16] = []
    result.reserveCapacity(width * height)
    for row in 0..<height {
      for column in 0..<width { result.append(UInt16(max(0, min(65_535, sample(row, column))))) }
    }
    return DeepImage(width: width, height: height, channels: 1, samples: result)
  }
}

extension ResamplingWeights {
  /// The weighted sum of the old samples at a new place, to the nearest.
  fileprivate func sum(at place: Int, _ sample: (Int) -> Int) -> Int {
    var sum = Int(Self.half)
    for tap in 0..<counts[place] { sum += sample(first[place] + tap) * Int(weights[place * span + tap]) }
    return sum >> Int(Self.bits)
  }
}
