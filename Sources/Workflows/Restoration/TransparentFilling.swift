/// Gives pixels that cannot be seen the colour of their neighbours: what lies under full transparency is arbitrary, often black, and would
/// bleed into what is seen when the picture is enlarged or restored.
///
/// One walk from the top and one from the bottom: a pixel becomes the mean of its neighbours among those that are seen or were filled before
/// it. So every pixel is filled, in memory for one number a row.
struct TransparentFilling {
  let picture: MappedPicture
  /// The picture's opacity, of one channel and the same size and samples.
  let alpha: MappedPicture

  func run() {
    switch picture.samples {
    case .uint16: fill(as: UInt16.self)
    default: fill(as: UInt8.self)
    }
  }

  private func fill<Sample: FixedWidthInteger & UnsignedInteger>(as type: Sample.Type) {
    let (width, height) = (picture.width, picture.height)
    // From this column on a row is known after the first walk: what is known spreads to the right, down, and to the left by one a row.
    var known: [Int] = []
    for row in 0..<height {
      let first = alpha.withRows(row..<(row + 1)) { $0.bindMemory(to: type).firstIndex { $0 > 0 } }
      let above = known.last ?? width
      known.append(min(first ?? width, above < width ? max(above - 1, 0) : width))
      fill(row, columns: Array(known[row]..<width), neighbours: [(0, -1), (-1, -1), (-1, 0), (-1, 1)], type) { other, column in
        other >= 0 && column >= known[other] && (other < row || column >= known[row])
      }
    }
    guard known[height - 1] < width else { return }
    for row in (0..<height).reversed() where known[row] > 0 {
      fill(row, columns: (0..<known[row]).reversed(), neighbours: [(0, 1), (1, -1), (1, 0), (1, 1)], type) { other, _ in other < height }
    }
  }

  /// Fills the transparent pixels of a row, in the order of `columns`.
  private func fill<Sample: FixedWidthInteger & UnsignedInteger>(
    _ row: Int, columns: [Int], neighbours: [(row: Int, column: Int)], _ type: Sample.Type, isKnown: (Int, Int) -> Bool
  ) {
    let (width, channels) = (picture.width, picture.channels)
    let transparent = alpha.withRows(row..<(row + 1)) { opacity in
      let opacity = opacity.bindMemory(to: type)
      return columns.filter { opacity[$0] == 0 }
    }
    guard !transparent.isEmpty else { return }
    let first = max(row - 1, 0)
    picture.withRows(first..<min(row + 2, picture.height)) { bytes in
      let pixels = bytes.bindMemory(to: type)
      func start(_ row: Int, _ column: Int) -> Int { ((row - first) * width + column) * channels }
      for column in transparent {
        let sources = neighbours.map { (row + $0.row, column + $0.column) }.filter { (0..<width).contains($0.1) && isKnown($0.0, $0.1) }
        guard !sources.isEmpty else { continue }
        for channel in 0..<channels {
          let sum = sources.reduce(0) { $0 + Int(pixels[start($1.0, $1.1) + channel]) }
          pixels[start(row, column) + channel] = Sample((2 * sum + sources.count) / (2 * sources.count))
        }
      }
    }
  }
}
