extension Image {
  /// The part of `width` x `height` pixels whose upper left corner is at (`row`, `column`); it must lie inside.
  public func cropped(row: Int, column: Int, width: Int, height: Int) -> Image {
    precondition(
      row >= 0 && column >= 0 && width > 0 && height > 0 && row + height <= self.height && column + width <= self.width,
      "a crop of \(width) x \(height) pixels at (\(row), \(column)) from \(self.width) x \(self.height)")
    var result: [UInt8] = []
    result.reserveCapacity(width * height * channels)
    for y in row..<(row + height) {
      let start = (y * self.width + column) * channels
      result.append(contentsOf: bytes[start..<(start + width * channels)])
    }
    return Image(width: width, height: height, channels: channels, bytes: result)
  }

  /// The largest square in the middle; an odd remainder is taken from the right and from the bottom.
  public func centerCroppedToSquare() -> Image {
    let side = min(width, height)
    return cropped(row: (height - side) / 2, column: (width - side) / 2, width: side, height: side)
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
