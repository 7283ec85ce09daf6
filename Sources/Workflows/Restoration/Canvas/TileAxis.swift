import Foundation

/// How tiles are laid along an axis of a picture, and how much each counts at each pixel of it.
struct TileGeometry: Equatable {
  /// Pixels of a tile.
  var side: Int
  /// Pixels that neighbours share at least; at most half a side.
  var overlap: Int
  /// Pixels at the border of a tile that count nothing there, for the network knows too little of what lies beyond.
  var dead: Int
  /// Tiles begin at multiples of it.
  var step: Int
  /// Whether the network takes sides that are no multiples of `step`.
  var padsItself: Bool
  /// What the tiles cover at least; nil for the smaller of a tile and 64 pixels.
  var least: Int?
  /// Rows are finished by multiples of it.
  var alignment = 1

  /// What the tiles cover of an axis of so many pixels: more, mirrored, where the network needs it.
  func extent(of length: Int) -> Int {
    padsItself ? length : max(length.rounded(upTo: step), least ?? min(side, 64.rounded(upTo: step)))
  }
}

/// How neighbouring tiles are joined.
struct TileBlending: Sendable {
  /// The weight of the later tile along the overlap, 0 to 1, from 0 to 1. sin² and cos² add up to one.
  var ramp: @Sendable (Double) -> Double = { sin(.pi / 2 * $0) * sin(.pi / 2 * $0) }
  /// Where the noise of a tile is taken from: its own place.
  var noiseOrigin: @Sendable (_ y: Int, _ x: Int) -> (y: Int, x: Int) = { ($0, $1) }
}

/// The tiles along one axis. Where two overlap, one fades out as the other fades in:
///
///     w(u) = 0 for u < d;   sin²(π/2 (u − d + ½) / r) for d ≤ u < d + r;   1 beyond,      r = o − 2d
///
/// with u counted from the tile's edge, o pixels of overlap of which d at each end are dead. Weights add up to one at every pixel, the
/// picture's border included, where there is no ramp.
struct TileAxis {
  struct Tile {
    /// Its pixels.
    var range: Range<Int>
    /// Those at which it counts.
    var counted: Range<Int>
    /// Its weights at `counted`.
    var weights: [Float]
  }

  let tiles: [Tile]
  /// The pixel of each tile up to which no later tile counts, a multiple of the geometry's alignment but at the end.
  let finalEnds: [Int]

  /// - Parameters:
  ///   - length: of the axis, as `TileGeometry.extent` gives it.
  ///   - shift: how far the tiles are moved towards the start, 0 up to 1 in units of a tile's stride.
  init(_ length: Int, _ geometry: TileGeometry, shift: Double = 0, ramp: (Double) -> Double = TileBlending().ramp) {
    let starts = Self.starts(length, geometry, shift)
    let ranges = starts.map { $0..<min($0 + geometry.side, length) }
    let width = geometry.overlap - 2 * geometry.dead
    // Between two tiles alone the seam moves, the tiles being where they must be.
    let place = ranges.count == 2 ? shift : 0.5
    let seams = zip(ranges, ranges.dropFirst()).map { tile, next in
      let room = max(tile.upperBound - next.lowerBound - geometry.overlap, 0)
      return next.lowerBound + geometry.dead + Int(Double(room) * place)
    }
    let rising = (0..<width).map { Float(ramp((Double($0) + 0.5) / Double(width))) }
    tiles = ranges.indices.map { index in
      let first = index > 0 ? seams[index - 1] : 0, last = index < seams.count ? seams[index] : length
      let up = index > 0 ? rising : [], down = index < seams.count ? rising.map { 1 - $0 } : []
      let flat = [Float](repeating: 1, count: last - first - up.count)
      return Tile(range: ranges[index], counted: first..<(last + down.count), weights: up + flat + down)
    }
    finalEnds = seams.map { $0 / geometry.alignment * geometry.alignment } + [length]
  }

  /// One tile more than without a shift, for the first and the last stay at the borders.
  private static func starts(_ length: Int, _ geometry: TileGeometry, _ shift: Double) -> [Int] {
    guard length > geometry.side else { return [0] }
    let last = (length - geometry.side).rounded(upTo: geometry.step), stride = geometry.side - geometry.overlap
    guard last > stride else { return [0, last] }
    let offset = Int(Double(stride) * shift) / geometry.step * geometry.step
    return [0] + Array(Swift.stride(from: stride - offset, to: last, by: stride)) + [last]
  }
}

extension Int {
  /// The next multiple, this number itself included.
  func rounded(upTo step: Int) -> Int { (self + step - 1) / step * step }

  func leastCommonMultiple(with other: Int) -> Int {
    var (a, b) = (self, other)
    while b != 0 { (a, b) = (b, a % b) }
    return self / a * other
  }
}
