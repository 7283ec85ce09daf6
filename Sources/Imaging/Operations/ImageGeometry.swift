extension Image {
  /// The part of `width` x `height` pixels whose upper left corner is at (`row`, `column`); it must lie inside.
  public func cropped(row: Int, column: Int, width: Int, height: Int) -> Image {
    precondition(
      row >= 0 && column >= 0 && width > 0 && height > 0 && row + height <= self.height && column + width <= self.width,
      "a crop of \(width) x \(height) pixels at (\(row), \(column)) from \(self.width) x \(self.height)")
    return make(width: width, height: height, channels: channels) { source, result in
      for y in 0..<height {
        let from = source + ((row + y) * self.width + column) * channels
        (result + y * width * channels).update(from: from, count: width * channels)
      }
    }
  }

  /// The part of `width` x `height` pixels in the middle; an odd remainder is cut at the right and at the bottom.
  public func centerCropped(width: Int, height: Int) -> Image {
    cropped(row: (self.height - height) / 2, column: (self.width - width) / 2, width: width, height: height)
  }

  /// The largest square in the middle; an odd remainder is taken from the right and from the bottom.
  public func centerCroppedToSquare() -> Image {
    let side = min(width, height)
    return centerCropped(width: side, height: side)
  }

  /// A border of one colour; `color` has one value for each channel, and is 0 everywhere when it is not given.
  public func padded(top: Int = 0, left: Int = 0, bottom: Int = 0, right: Int = 0, color: [UInt8]? = nil) -> Image {
    precondition(min(top, left, bottom, right) >= 0, "a border of \(top), \(left), \(bottom), \(right) pixels")
    let color = color ?? [UInt8](repeating: 0, count: channels)
    precondition(color.count == channels, "a colour of \(color.count) values for \(channels) channels")
    var result = Image(width: left + width + right, height: top + height + bottom, color: color)
    result.paste(self, row: top, column: left)
    return result
  }

  /// A border that centres the picture in `width` x `height`; an odd remainder goes to the right and to the bottom.
  public func padded(toWidth width: Int, height: Int, color: [UInt8]? = nil) -> Image {
    precondition(
      width >= self.width && height >= self.height, "\(self.width) x \(self.height) padded to \(width) x \(height)")
    let left = (width - self.width) / 2
    let top = (height - self.height) / 2
    return padded(
      top: top, left: left, bottom: height - self.height - top, right: width - self.width - left, color: color)
  }

  /// Every pixel as a square of `factor` x `factor` pixels.
  public func magnified(by factor: Int) -> Image {
    precondition(factor > 0, "a magnification by \(factor)")
    return factor == 1 ? self : nearest(width: width * factor, height: height * factor)
  }
}
