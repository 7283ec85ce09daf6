internal import CVips

extension PictureReader {
  /// A reader that also converts colours whose profile is a kind of sRGB, such as one in proportion to light.
  /// - Throws: as `init(file:profiles:)`.
  public convenience init(convertingEveryProfileOf file: String) throws {
    try self.init(EncodedPicture(EncodedBytes(file: file), name: file, profiles: .converted, everyProfile: true))
  }

  /// Decodes the whole picture into memory of the caller: upright, rows from the top, channels interleaved, as `image()` or `deepImage()`
  /// would give it. Of JPEG, PNG (not interlaced) and TIFF a few rows at a time are decoded, in strips, from the top down.
  /// - Parameters:
  ///   - memory: exactly the bytes of the picture.
  ///   - deep: 16 bits a sample in the machine's byte order, of a picture that `isDeep`; else 8.
  /// - Throws: `ImagingError`, as `image()`; the memory then holds a part of the picture.
  public func decode(into memory: UnsafeMutableRawBufferPointer, deep: Bool) throws {
    precondition(!deep || isDeep, "16 bits a sample of a picture of 8")
    let pixelBytes = channels * (deep ? 2 : 1)
    precondition(memory.count == width * height * pixelBytes, "\(memory.count) bytes for a picture of \(width) x \(height) x \(channels)")
    let (storedWidth, storedHeight) = orientation.transposes ? (height, width) : (width, height)
    let target = UprightTarget(
      memory: memory, orientation: orientation, width: storedWidth, height: storedHeight, pixelBytes: pixelBytes)
    try source.decode(into: target, deep: deep)
  }
}

extension EncodedPicture {
  fileprivate func decode(into target: UprightTarget, deep: Bool) throws {
    if deep, sampled != nil {
      // Samples that lie in the file as they are: there is nothing to decode in strips.
      return try deepImage().samples.withUnsafeBytes { target.put($0, row: 0) }
    }
    _ = try attempt {
      guard let source = handle("") else { return nil as Bool? }
      guard let pixels = deep ? in16Bits(source) : in8Bits(source) else { return nil }
      return target.fill(from: pixels) ? true : nil
    }
  }
}

/// Memory for an upright picture, filled with rows as they are stored.
private struct UprightTarget {
  let memory: UnsafeMutableRawBufferPointer
  let orientation: EXIFOrientation
  /// The size of the stored picture.
  let width: Int, height: Int
  let pixelBytes: Int

  private static let stripRows = 32

  /// False where the pixels could not be computed, or are not as many as the header said.
  func fill(from pixels: borrowing VipsHandle) -> Bool {
    guard Int(cv_width(pixels.raw)) == width, Int(cv_height(pixels.raw)) == height,
      Int(cv_channels(pixels.raw)) * (cv_sample_format(pixels.raw) == 2 ? 2 : 1) == pixelBytes
    else { return false }
    if orientation.isNone { return cv_copy_region(pixels.raw, 0, 0, Int32(width), Int32(height), memory.baseAddress) == 0 }
    var strip = [UInt8](repeating: 0, count: Self.stripRows * width * pixelBytes)
    for top in stride(from: 0, to: height, by: Self.stripRows) {
      let rows = min(Self.stripRows, height - top)
      guard cv_copy_region(pixels.raw, 0, Int32(top), Int32(width), Int32(rows), &strip) == 0 else { return false }
      strip.withUnsafeBytes { put(UnsafeRawBufferPointer(rebasing: $0[..<(rows * width * pixelBytes)]), row: top) }
    }
    return true
  }

  /// Puts whole stored rows from `row` on where they belong in the upright picture.
  func put(_ rows: UnsafeRawBufferPointer, row: Int) {
    let uprightWidth = orientation.transposes ? height : width
    for index in 0..<(rows.count / (width * pixelBytes)) {
      let down = orientation.flipsRows ? height - 1 - row - index : row + index, first = orientation.flipsColumns ? width - 1 : 0
      let step = (orientation.flipsColumns ? -1 : 1) * (orientation.transposes ? uprightWidth : 1)
      var target = orientation.transposes ? first * uprightWidth + down : down * uprightWidth + first
      for column in 0..<width {
        memory.baseAddress!.advanced(by: target * pixelBytes)
          .copyMemory(from: rows.baseAddress! + (index * width + column) * pixelBytes, byteCount: pixelBytes)
        target += step
      }
    }
  }
}
