/// One of the eight ways a picture can be stored: where each pixel of the upright picture lies in the stored one.
struct EXIFOrientation: Equatable {
  /// Rows of the upright picture are columns of the stored one.
  var transposes = false
  /// The stored rows run from the bottom; the stored columns from the right.
  var flipsRows = false, flipsColumns = false

  /// The orientation of an EXIF number; numbers other than 1 to 8 leave the picture unchanged.
  init(_ code: Int) {
    transposes = (5...8).contains(code)
    flipsRows = [3, 4, 6, 7].contains(code)
    flipsColumns = [2, 3, 7, 8].contains(code)
  }

  var isNone: Bool { !transposes && !flipsRows && !flipsColumns }

  /// The part of a stored picture of `width` x `height` pixels that becomes the part `area` of the upright one.
  func storedArea(_ area: PixelArea, width: Int, height: Int) -> PixelArea {
    let rows = transposes ? area.column..<(area.column + area.width) : area.row..<(area.row + area.height)
    let columns = transposes ? area.row..<(area.row + area.height) : area.column..<(area.column + area.width)
    return PixelArea(
      row: flipsRows ? height - rows.upperBound : rows.lowerBound,
      column: flipsColumns ? width - columns.upperBound : columns.lowerBound,
      width: columns.count, height: rows.count)
  }
}

/// A rectangle of pixels by its upper left corner and its sides.
struct PixelArea: Equatable {
  var row: Int, column: Int, width: Int, height: Int
}

extension Image {
  /// Mirrored left to right.
  public func flippedHorizontally() -> Image { turned(EXIFOrientation(2)) }

  /// Mirrored top to bottom.
  public func flippedVertically() -> Image { turned(EXIFOrientation(4)) }

  /// Turned clockwise by this number of right angles; counter-clockwise by a negative one.
  public func rotated(quarterTurns: Int) -> Image {
    turned(EXIFOrientation([1, 6, 3, 8][((quarterTurns % 4) + 4) % 4]))
  }

  /// The upright picture of which this is the stored one.
  func turned(_ orientation: EXIFOrientation) -> Image {
    if orientation.isNone { return self }
    let (newWidth, newHeight) = orientation.transposes ? (height, width) : (width, height)
    // In the stored picture: the first pixel, and the steps to the next of the row and to the next row of the upright one.
    let first = (orientation.flipsRows ? (height - 1) * width : 0) + (orientation.flipsColumns ? width - 1 : 0)
    let down = orientation.flipsRows ? -width : width, right = orientation.flipsColumns ? -1 : 1
    let (step, line) = orientation.transposes ? (down, right) : (right, down)
    return make(width: newWidth, height: newHeight, channels: channels) { source, result in
      for row in 0..<newHeight {
        let from = source + (first + row * line) * channels, to = result + row * newWidth * channels
        switch channels {
        case 1: copyPixels(from, step: step, to: to, count: newWidth, channels: 1)
        case 2: copyPixels(from, step: step, to: to, count: newWidth, channels: 2)
        case 3: copyPixels(from, step: step, to: to, count: newWidth, channels: 3)
        default: copyPixels(from, step: step, to: to, count: newWidth, channels: 4)
        }
      }
    }
  }

  /// A new image whose samples are all computed by `fill` from this image's: (source, result).
  func make(
    width: Int, height: Int, channels: Int, _ fill: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) throws -> Void
  ) rethrows -> Image {
    let count = width * height * channels
    let samples = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try bytes.withUnsafeBufferPointer { try fill($0.baseAddress!, buffer.baseAddress!) }
      filled = count
    }
    return Image(width: width, height: height, channels: channels, bytes: samples)
  }
}

@inline(__always)
private func copyPixels(
  _ from: UnsafePointer<UInt8>, step: Int, to: UnsafeMutablePointer<UInt8>, count: Int, channels: Int
) {
  var source = from, target = to
  for _ in 0..<count {
    for c in 0..<channels { target[c] = source[c] }
    source += step * channels
    target += channels
  }
}
