import Foundation
import Imaging
import Testing

@testable import Datasets

@Suite("Moves of whole pixels") struct ExactMoveTests {
  /// 1 2 3 over 4 5 6 over 7 8 9.
  private let square = Image(width: 3, height: 3, channels: 1, bytes: Array(1...9))

  private func applied(_ change: (inout Augmentation) -> Void) -> [UInt8] {
    var draw = Augmentation()
    change(&draw)
    return AugmentationRecipe().apply(draw, to: square).bytes
  }

  @Test func flipsAndCounterclockwiseQuarterTurnsMovePixels() {
    #expect(applied { _ in } == square.bytes)
    #expect(applied { $0.flipsX = true } == [3, 2, 1, 6, 5, 4, 9, 8, 7])
    #expect(applied { $0.flipsY = true } == [7, 8, 9, 4, 5, 6, 1, 2, 3])
    #expect(applied { $0.quarterTurns = 1 } == [3, 6, 9, 2, 5, 8, 1, 4, 7])
    #expect(applied { $0.quarterTurns = 2 } == [9, 8, 7, 6, 5, 4, 3, 2, 1])
    #expect(applied { $0.quarterTurns = 3 } == [7, 4, 1, 8, 5, 2, 9, 6, 3])
  }

  @Test func movedImagesGoOnInTheirMirrorImages() {
    #expect(square.moved(right: 1, up: 0).bytes == [2, 1, 2, 5, 4, 5, 8, 7, 8])
    #expect(square.moved(right: 0, up: 1).bytes == [4, 5, 6, 7, 8, 9, 4, 5, 6])
    let row = Image(width: 4, height: 1, channels: 1, bytes: [1, 2, 3, 4])
    // … 3 4 3 2 | 1 2 3 4 | 3 2 1 2 …
    #expect(row.moved(right: 2, up: 0).bytes == [3, 2, 1, 2] && row.moved(right: -3, up: 0).bytes == [4, 3, 2, 1])
    #expect(row.moved(right: 6, up: 5) == row && row.moved(right: -60, up: 0) == row)
  }

  @Test func anImpulseLandsWhereItIsSent() {
    var impulse = Image(width: 7, height: 7, color: [0])
    impulse[3, 3] = 255
    let moved = impulse.moved(right: 2, up: 1)
    #expect(moved[2, 5] == 255 && moved.bytes.count { $0 > 0 } == 1)
  }
}

@Suite("Reading between pixels") struct ResamplingTests {
  /// Bytes of a function of x and y from the middle.
  private func image(_ side: Int, _ value: (Double, Double) -> Double) -> Image {
    let center = 0.5 * Double(side - 1)
    let bytes = (0..<(side * side)).map { i in
      UInt8(min(max(value(Double(i % side) - center, Double(i / side) - center).rounded(), 0), 255))
    }
    return Image(width: side, height: side, channels: 1, bytes: bytes)
  }

  /// The largest difference within `margin` of the borders.
  private func difference(_ a: Image, _ b: Image, margin: Int = 0) -> Int {
    let range = margin..<(a.height - margin)
    return range.flatMap { y in range.map { x in abs(Int(a[y, x]) - Int(b[y, x])) } }.max() ?? 0
  }

  private func seen(_ image: Image, _ map: PlaneMap) -> Image { AffineResampler(image).image(through: map) }

  /// A soft hill off the middle, on a slope.
  private func hill(_ x: Double, _ y: Double) -> Double { 60 + 2 * x + 140 * exp(-((x - 2) * (x - 2) + (y + 3) * (y + 3)) / 30) }

  @Test func theMapThatMovesNothingChangesNothing() {
    // Rounding to bytes apart: the hill has no waves that the filter would damp.
    #expect(difference(seen(image(20, hill), PlaneMap()), image(20, hill)) <= 1)
  }

  @Test func aRightAngleIsAQuarterTurn() {
    let image = image(20, hill)
    for quarters in 1...3 {
      #expect(difference(seen(image, .turning(.pi / 2 * Double(quarters))), image.rotated(quarterTurns: -quarters)) <= 1)
    }
  }

  @Test func wholePixelsAreMovedAsExactlyAsBytesAllow() {
    let image = image(20, hill)
    #expect(difference(seen(image, .moving(-3, 2)), image.moved(right: 3, up: 2)) <= 1)
    #expect(difference(seen(image, .moving(0, 45)), image.moved(right: 0, up: 45)) <= 1)
  }

  @Test func everyPlaceShowsWhatTheMapSays() {
    // The hill itself, put through the map. Reflection changes it near the borders.
    for map in [
      PlaneMap.moving(0.3, -0.7), .turning(0.6), .scaling(0.8, 0.8), .scaling(1.2, 1 / 1.2),
      .turning(-1.1) * .scaling(0.9, 1.1) * .moving(1, 2),
    ] {
      let expected = image(24) { x, y in hill(map(x, y).x, map(x, y).y) }
      #expect(difference(seen(image(24, hill), map), expected, margin: 7) <= 2, "\(map)")
    }
  }

  @Test(arguments: [0.2, 0.785, 2.5]) func wavesOfFourPixelsPassWhole(angle: Double) {
    func wave(_ x: Double, _ y: Double) -> Double { 127.5 + 100 * cos(.pi / 2 * x + 0.4) }
    let map = PlaneMap.turning(angle)
    let expected = image(32) { x, y in wave(map(x, y).x, map(x, y).y) }
    // The filters pass 100.3 % of it; doubled bytes and the result are rounded.
    #expect(difference(seen(image(32, wave), map), expected, margin: 12) <= 3)
  }

  @Test func detailTooFineForASmallerImageIsGreyAndNotAnotherPattern() {
    let checks = image(24) { x, y in (Int(x + y + 100) % 2 == 0) ? 255 : 0 }
    let small = seen(checks, .scaling(2, 2))
    #expect(small.bytes.allSatisfy { abs(Int($0) - 127) <= 4 }, "\(small.bytes.min()!) to \(small.bytes.max()!)")
  }

  @Test func invisibleColoursDoNotBleed() {
    var bytes: [UInt8] = []
    for _ in 0..<8 { bytes += (0..<8).flatMap { $0 < 4 ? [255, 0, 0, 0] : [0, 0, 200, 255] } as [UInt8] }
    let moved = seen(Image(width: 8, height: 8, channels: 4, bytes: bytes), .moving(0.5, 0))
    for x in 0..<8 where moved[4, x, 3] > 0 {
      #expect(moved[4, x, 0] == 0 && abs(Int(moved[4, x, 2]) - 200) <= 1, "column \(x)")
    }
    #expect((80...180).contains(moved[4, 3, 3]))
  }
}

@Suite("Augmentation of pictures") struct AugmentationGeometryTests {
  private var recipe: AugmentationRecipe {
    var recipe = AugmentationRecipe()
    recipe.probability = 1
    return recipe
  }

  /// Where the map of an augmentation sends a place of the image: the inverse of its lookup.
  private func destination(_ x: Double, _ y: Double, _ change: (inout Augmentation) -> Void) -> (x: Double, y: Double) {
    var draw = Augmentation()
    change(&draw)
    let map = recipe.sourceMap(draw, height: 40, width: 16)
    let determinant = map.xx * map.yy - map.xy * map.yx
    let (u, v) = (x - map.x0, y - map.y0)
    return ((map.yy * u - map.xy * v) / determinant, (map.xx * v - map.yx * u) / determinant)
  }

  private func near(_ a: (x: Double, y: Double), _ x: Double, _ y: Double) -> Bool { abs(a.x - x) < 1e-9 && abs(a.y - y) < 1e-9 }

  @Test func positiveValuesEnlargeTurnCounterclockwiseStretchAndMoveRightAndDown() {
    #expect(near(destination(3, 5) { _ in }, 3, 5))
    #expect(near(destination(3, 5) { $0.scale = 5 }, 6, 10))
    // y points down: what was to the right comes to the top.
    #expect(near(destination(3, 0) { $0.angle = .pi / 2 }, 0, -3))
    #expect(near(destination(3, 5) { $0.stretch = 5 }, 6, 2.5))
    #expect(near(destination(3, 5) { ($0.stretch, $0.axis) = (5, .pi / 2) }, 1.5, 10))
    // An eighth of 16 and of 40.
    #expect(near(destination(0, 0) { ($0.right, $0.down) = (1, 2) }, 2, 10))
  }

  @Test func theWholePipeActsInItsOrder() {
    let image = Image(width: 12, height: 12, channels: 1, bytes: Array(50..<194))
    var draw = Augmentation()
    (draw.flipsX, draw.quarterTurns, draw.pixelsRight, draw.angle) = (true, 1, 2, 0.5)
    let exact = image.flippedHorizontally().rotated(quarterTurns: -1).moved(right: 2, up: 0)
    #expect(recipe.apply(draw, to: image) == AffineResampler(exact).image(through: .turning(0.5)))
  }
}
