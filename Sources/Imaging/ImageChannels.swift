extension Image {
  /// The same picture in another number of channels: grey becomes equal parts of red, green and blue; colour becomes luma
  /// (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, rounded); a missing alpha is opaque; an alpha that has no place is dropped.
  public func withChannels(_ count: Int) -> Image {
    precondition((1...4).contains(count), "an image of \(count) channels; 1 to 4 are possible")
    if count == channels { return self }
    var result: [UInt8] = []
    result.reserveCapacity(width * height * count)
    for start in stride(from: 0, to: bytes.count, by: channels) {
      if count < 3 {
        result.append(channels < 3 ? bytes[start] : luma(at: start))
      } else {
        for c in 0..<3 { result.append(bytes[channels < 3 ? start : start + c]) }
      }
      if count % 2 == 0 { result.append(hasAlpha ? bytes[start + channels - 1] : 255) }
    }
    return Image(width: width, height: height, channels: count, bytes: result)
  }

  private func luma(at start: Int) -> UInt8 {
    let red = Int(bytes[start]), green = Int(bytes[start + 1]), blue = Int(bytes[start + 2])
    return UInt8((299 * red + 587 * green + 114 * blue + 500) / 1000)
  }

  /// Laid over a background of one colour, without alpha afterwards.
  /// - Parameter background: one value for each channel but alpha.
  public func flattened(over background: [UInt8]) -> Image {
    guard hasAlpha else { return self }
    let colors = channels - 1
    precondition(background.count == colors, "a background of \(background.count) values for \(colors) channels of colour")
    var result: [UInt8] = []
    result.reserveCapacity(width * height * colors)
    for start in stride(from: 0, to: bytes.count, by: channels) {
      let alpha = Int(bytes[start + colors])
      for c in 0..<colors {
        let here = Int(bytes[start + c]) * alpha, behind = Int(background[c]) * (255 - alpha)
        result.append(UInt8((here + behind + 127) / 255))
      }
    }
    return Image(width: width, height: height, channels: colors, bytes: result)
  }
}
