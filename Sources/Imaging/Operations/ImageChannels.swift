extension Image {
  /// The same picture in another number of channels: grey becomes equal parts of red, green and blue; colour becomes luma
  /// (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, rounded); a missing alpha is opaque; an alpha that has no place is dropped.
  public func withChannels(_ count: Int) -> Image {
    precondition((1...4).contains(count), "an image of \(count) channels; 1 to 4 are possible")
    if count == channels { return self }
    let hasAlpha = hasAlpha, old = channels
    return make(width: width, height: height, channels: count) { source, result in
      for pixel in 0..<(width * height) {
        let from = source + pixel * old, to = result + pixel * count
        if count >= 3 {
          for c in 0..<3 { to[c] = from[old < 3 ? 0 : c] }
        } else {
          to[0] = old < 3 ? from[0] : luma(from)
        }
        if count.isMultiple(of: 2) { to[count - 1] = hasAlpha ? from[old - 1] : 255 }
      }
    }
  }

  /// Composited over a background of one colour, without alpha afterwards.
  /// - Parameter background: one value for each channel but alpha.
  public func flattened(over background: [UInt8]) -> Image {
    guard hasAlpha else { return self }
    let colors = channels - 1
    precondition(background.count == colors, "a background of \(background.count) values for \(colors) channels of colour")
    return make(width: width, height: height, channels: colors) { source, result in
      for pixel in 0..<(width * height) {
        let from = source + pixel * (colors + 1), to = result + pixel * colors
        let alpha = Int(from[colors])
        for c in 0..<colors { to[c] = mixed(Int(from[c]), Int(background[c]), alpha) }
      }
    }
  }

  /// The opacity as a grey picture; nil where there is none.
  public var alpha: Image? {
    guard hasAlpha else { return nil }
    return make(width: width, height: height, channels: 1) { source, result in
      for pixel in 0..<(width * height) { result[pixel] = source[(pixel + 1) * channels - 1] }
    }
  }

  /// The same colours with the opacity of a grey picture of the same size.
  public func withAlpha(_ alpha: Image) -> Image {
    precondition(
      alpha.channels == 1 && alpha.width == width && alpha.height == height, "\(shapeText) with an alpha of \(alpha.shapeText)")
    var result = withChannels(channels < 3 ? 2 : 4)
    result.setAlpha(alpha.bytes)
    return result
  }
}

@inline(__always)
private func luma(_ pixel: UnsafePointer<UInt8>) -> UInt8 {
  let red = Int(pixel[0]), green = Int(pixel[1]), blue = Int(pixel[2])
  return UInt8((299 * red + 587 * green + 114 * blue + 500) / 1000)
}

/// `alpha` / 255 of the front and the rest of the background, to the nearest.
@inline(__always)
private func mixed(_ front: Int, _ behind: Int, _ alpha: Int) -> UInt8 {
  UInt8((front * alpha + behind * (255 - alpha) + 127) / 255)
}
