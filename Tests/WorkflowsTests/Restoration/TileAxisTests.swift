import Foundation
import Testing

@testable import Workflows

@Suite("Tiles along an axis") struct TileAxisTests {
  private func geometry(_ side: Int, _ overlap: Int, step: Int = 1, padsItself: Bool = true) -> TileGeometry {
    TileGeometry(side: side, overlap: overlap, dead: overlap / 4, step: step, padsItself: padsItself)
  }

  private static let shifts = [0, 0.21, 0.5, 0.7549, 0.999]

  /// Sums of weights, and the least distance of a pixel that counts from an edge of its tile that is not the picture's.
  private func sums(_ axis: TileAxis, _ length: Int) -> (weights: [Float], margin: Int) {
    var weights = [Float](repeating: 0, count: length), margin = Int.max
    for tile in axis.tiles {
      for (index, weight) in tile.weights.enumerated() { weights[tile.counted.lowerBound + index] += weight }
      if tile.range.lowerBound > 0 { margin = min(margin, tile.counted.lowerBound - tile.range.lowerBound) }
      if tile.range.upperBound < length { margin = min(margin, tile.range.upperBound - tile.counted.upperBound) }
    }
    return (weights, margin)
  }

  @Test(arguments: [(256, 32, 8), (64, 32, 1), (32, 16, 2), (64, 0, 4), (48, 12, 4)])
  func weightsAddUpToOneAtEveryPixel(side: Int, overlap: Int, step: Int) {
    let geometry = geometry(side, overlap, step: step)
    for length in Array(1...(3 * side / 2)) + [4 * side + 3, 10 * side - 1] {
      for shift in Self.shifts {
        let axis = TileAxis(length, geometry, shift: shift), (weights, margin) = sums(axis, length)
        // Two roundings of float32.
        #expect(weights.allSatisfy { abs($0 - 1) <= 1.2e-7 }, "\(length) \(shift)")
        #expect(margin >= geometry.dead, "\(length) \(shift)")
        #expect(axis.tiles.allSatisfy { $0.range.lowerBound % step == 0 && $0.weights.count == $0.counted.count })
        #expect(axis.tiles.last?.range.upperBound == length)
      }
    }
  }

  @Test func weightsAreTheSquareOfASine() throws {
    let axis = TileAxis(1000, geometry(256, 32)), tile = axis.tiles[1]
    #expect(tile.range == 224..<480 && tile.counted == 232..<472)
    for u in 8..<24 {
      let expected = pow(sin(.pi / 2 * (Double(u - 8) + 0.5) / 16), 2)
      #expect(abs(Double(tile.weights[u - 8]) - expected) < 1e-7)
    }
    #expect(tile.weights[16..<224].allSatisfy { $0 == 1 })
  }

  @Test func thereIsNoRampAtTheBorder() {
    for shift in Self.shifts {
      let axis = TileAxis(333, geometry(64, 16), shift: shift)
      #expect(axis.tiles.first?.weights.first == 1 && axis.tiles.last?.weights.last == 1)
    }
    #expect(TileAxis(20, geometry(64, 16)).tiles.map(\.range) == [0..<20])
  }

  @Test func theGridMoves() {
    let seams = Self.shifts.map { TileAxis(500, geometry(64, 16), shift: $0).finalEnds }
    #expect(Set(seams).count == seams.count)
    // Two tiles lie at the borders, and only their seam can move.
    #expect(TileAxis(100, geometry(64, 16), shift: 0).finalEnds != TileAxis(100, geometry(64, 16), shift: 0.9).finalEnds)
  }

  @Test func laterTilesAddNothingToFinalPixels() {
    for shift in Self.shifts {
      let axis = TileAxis(777, geometry(64, 32, step: 4), shift: shift)
      for (index, end) in axis.finalEnds.enumerated() {
        #expect(axis.tiles[(index + 1)...].allSatisfy { $0.counted.lowerBound >= end })
        #expect(axis.tiles[index].counted.upperBound >= end)
      }
      #expect(axis.finalEnds.last == 777)
    }
  }

  @Test func whatANetworkNeedsIsCovered() {
    let own = geometry(64, 16, step: 8), mirrored = geometry(64, 16, step: 8, padsItself: false)
    #expect(own.extent(of: 77) == 77 && mirrored.extent(of: 77) == 80)
    #expect(own.extent(of: 1) == 1 && mirrored.extent(of: 1) == 64)
    #expect(12.leastCommonMultiple(with: 8) == 24 && 8.leastCommonMultiple(with: 1) == 8)
  }
}
