import Imaging

extension Image {
  /// Moved by whole pixels over a plane that the image and its mirror images fill, the pixels at the borders not twice.
  func moved(right: Int, up: Int) -> Image {
    let columns = (0..<width).map { reflected($0 - right, count: width) * channels }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for row in 0..<height {
      let start = reflected(row + up, count: height) * width * channels
      for column in columns { result += bytes[(start + column)..<(start + column + channels)] }
    }
    return Image(width: width, height: height, channels: channels, bytes: result)
  }
}

/// The place within `0..<count` that stands at `index` of a row that continues in mirror images of itself: … 2 1 0 1 2 … .
func reflected(_ index: Int, count: Int) -> Int {
  let period = 2 * count - 2
  guard period > 0 else { return 0 }
  let place = ((index % period) + period) % period
  return min(place, period - place)
}
