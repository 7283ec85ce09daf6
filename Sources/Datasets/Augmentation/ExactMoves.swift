import Imaging

/// Moves of whole pixels: every value of the result is one of the image's.
extension Image {
  func mirroredLeftToRight() -> Image { rearranged { row, column in (row, width - 1 - column) } }

  func mirroredTopToBottom() -> Image { rearranged { row, column in (height - 1 - row, column) } }

  /// Turned counterclockwise; an odd number of quarters needs a square.
  func turned(quarters: Int) -> Image {
    let last = height - 1
    precondition(quarters % 2 == 0 || height == width, "quarter turns of an image of \(height) x \(width)")
    switch quarters & 3 {
    case 1: return rearranged { row, column in (column, last - row) }
    case 2: return rearranged { row, column in (last - row, width - 1 - column) }
    case 3: return rearranged { row, column in (last - column, row) }
    default: return self
    }
  }

  /// Moved over a plane that the image and its mirror images fill, the pixels at the borders not twice.
  func moved(right: Int, up: Int) -> Image {
    let columns = (0..<width).map { reflected($0 - right, count: width) }
    let rows = (0..<height).map { reflected($0 + up, count: height) }
    return rearranged { row, column in (rows[row], columns[column]) }
  }

  /// An image of the same size whose pixel at each row and column is the one of this at `source` of them.
  private func rearranged(_ source: (Int, Int) -> (row: Int, column: Int)) -> Image {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    bytes.withUnsafeBufferPointer { bytes in
      for row in 0..<height {
        for column in 0..<width {
          let from = source(row, column)
          let start = (from.row * width + from.column) * channels
          for c in 0..<channels { result.append(bytes[start + c]) }
        }
      }
    }
    return Image(width: width, height: height, channels: channels, bytes: result)
  }
}

/// The place within `0..<count` that stands at `index` of a row that goes on in mirror images of itself: … 2 1 0 1 2 … .
func reflected(_ index: Int, count: Int) -> Int {
  let period = 2 * count - 2
  guard period > 0 else { return 0 }
  let place = ((index % period) + period) % period
  return min(place, period - place)
}
