extension DeepImage {
  /// Resizes with the arithmetic of `Image.resized`, in 16 bits.
  public func resizedAlpha(width: Int, height: Int) throws -> DeepImage {
    guard width > 0, height > 0, width <= Image.pixelLimit / height else {
      throw ImagingError(.tooLarge(width: width, height: height, limit: Image.pixelLimit))
    }
    precondition(channels == 1, "an opacity of \(channels) channels")
    let resampling = BandResampling(from: (self.width, self.height), to: (width, height), filter: .lanczos3)
    let rows = resampling.sourceRows(for: 0..<height)
    let resized = [UInt16](unsafeUninitializedCapacity: width * height) { result, count in
      samples[(rows.lowerBound * self.width)..<(rows.upperBound * self.width)].withUnsafeBufferPointer {
        resampling.resample(0..<height, from: $0, into: UnsafeMutableBufferPointer(rebasing: result[..<(width * height)]), channels: 1)
      }
      count = width * height
    }
    return DeepImage(width: width, height: height, channels: 1, samples: resized)
  }
}
