import Foundation
import Imaging
import Testing

/// Results that `Tests/Fixtures/imaging/pillow.py` made with Pillow.
private struct PillowVectors: Decodable {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var kind: String
    var from: [Int]
    var to: [Int]
    var filter: String?
    var shorter: Int?
    var bytes: Data

    var testDescription: String { "\(kind) \(filter ?? "") \(from) to \(to)" }
    var source: Image { rampWithNoise(width: from[0], height: from[1], channels: from[2]) }
    var expected: Image { Image(width: to[0], height: to[1], channels: from[2], bytes: [UInt8](bytes)) }
  }
  var cases: [Case]

  static func cases(_ kind: String) -> [Case] {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    do {
      let data = try Data(contentsOf: tests.appendingPathComponent("Fixtures/imaging/pillow.json"))
      return try JSONDecoder().decode(PillowVectors.self, from: data).cases.filter { $0.kind == kind }
    } catch { fatalError("Fixtures/imaging/pillow.json: \(error)") }
  }
}

/// The picture of pillow.py: sample i is 3/4 of a ramp and 1/4 of noise.
private func rampWithNoise(width: Int, height: Int, channels: Int) -> Image {
  var state = 1
  let bytes = (0..<(width * height * channels)).map { index -> UInt8 in
    state = (state * 1_103_515_245 + 12345) % (1 << 31)
    let ramp = index / channels % width * 255 / width
    return UInt8((3 * ramp + (state >> 16) % 256) / 4)
  }
  return Image(width: width, height: height, channels: channels, bytes: bytes)
}

@Suite("Resampling") struct ResamplingTests {
  @Test(arguments: PillowVectors.cases("resize"))
  fileprivate func everyFilterGivesThePixelsOfPillow(vector: PillowVectors.Case) throws {
    let filter = try #require(vector.filter.flatMap(ResizeFilter.init))
    #expect(try vector.source.resized(width: vector.to[0], height: vector.to[1], filter: filter) == vector.expected)
  }

  @Test(arguments: PillowVectors.cases("center"))
  fileprivate func theCenterCropIsThatOfGuidedDiffusion(vector: PillowVectors.Case) throws {
    #expect(try vector.source.centerFitted(width: vector.to[0], height: vector.to[1]) == vector.expected)
  }

  @Test(arguments: PillowVectors.cases("cover"))
  fileprivate func coveringHalvesAndThenResamplesTheRest(vector: PillowVectors.Case) throws {
    let shorter = try #require(vector.shorter)
    #expect(try vector.source.covering(width: shorter, height: shorter) == vector.expected)
  }

  @Test func aNonSquareTargetIsCoveredOnBothSidesAndCutInTheMiddle() throws {
    let image = rampWithNoise(width: 90, height: 60, channels: 3)
    let wide = try image.covering(width: 40, height: 10)
    #expect(wide.width == 40 && wide.height == 27)  // 45 x 30 after one halving, then by 40/45: 26.7
    #expect(try image.centerFitted(width: 40, height: 10) == wide.cropped(row: 8, column: 0, width: 40, height: 10))
    let tall = try image.covering(width: 10, height: 40)
    #expect(tall.width == 60 && tall.height == 40)
    #expect(try image.centerFitted(width: 10, height: 40) == tall.cropped(row: 0, column: 25, width: 10, height: 40))
  }

  @Test func theAreaMeanIsExactAtAnyRatioAndWithAlpha() throws {
    for (width, height, channels) in [(7, 5, 1), (12, 9, 3), (10, 11, 4), (6, 13, 2)] {
      let image = rampWithNoise(width: width, height: height, channels: channels)
      for (newWidth, newHeight) in [(3, 2), (width, 4), (5, height), (2 * width, 3), (1, 1)] {
        let resized = try image.resized(width: newWidth, height: newHeight, filter: .box)
        #expect(resized == image.meanByDefinition(newWidth, newHeight), "\(image.bytes.count) to \(newWidth) x \(newHeight)")
      }
    }
  }
}

@Suite("Flips and quarter turns") struct TurningTests {
  private let image = patterned(width: 4, height: 3, channels: 3)

  @Test(arguments: 1...4) func flipsExchangeSidesForEveryNumberOfChannels(channels: Int) {
    let image = patterned(width: 4, height: 3, channels: channels)
    let flipped = image.flippedHorizontally(), upsideDown = image.flippedVertically()
    for row in 0..<3 {
      for column in 0..<4 {
        for c in 0..<channels {
          #expect(flipped[row, column, c] == image[row, 3 - column, c])
          #expect(upsideDown[row, column, c] == image[2 - row, column, c])
        }
      }
    }
  }

  @Test func aQuarterTurnIsClockwise() {
    let turned = image.rotated(quarterTurns: 1)
    #expect(turned.width == 3 && turned.height == 4)
    for row in 0..<4 { for column in 0..<3 { #expect(turned[row, column, 2] == image[2 - column, row, 2]) } }
  }

  @Test func turnsAddUp() {
    var turned = image
    for turns in 0...4 {
      #expect(image.rotated(quarterTurns: turns) == turned)
      #expect(image.rotated(quarterTurns: turns - 8) == turned)
      turned = turned.rotated(quarterTurns: 1)
    }
    #expect(image.rotated(quarterTurns: 2) == image.flippedHorizontally().flippedVertically())
    #expect(image.rotated(quarterTurns: 4) == image)
  }
}

extension Image {
  fileprivate func holds(_ part: Image) -> Bool {
    guard part.width <= width, part.height <= height else { return false }
    return (0...(height - part.height)).contains { row in
      (0...(width - part.width)).contains {
        cropped(row: row, column: $0, width: part.width, height: part.height) == part
      }
    }
  }

  /// The mean over the area, in rational numbers: every old pixel counts as newWidth x newHeight parts.
  fileprivate func meanByDefinition(_ newWidth: Int, _ newHeight: Int) -> Image {
    var result = Image(width: newWidth, height: newHeight, color: [UInt8](repeating: 0, count: channels))
    let colors = hasAlpha ? channels - 1 : channels
    for row in 0..<newHeight {
      for column in 0..<newWidth {
        var sums = [Int](repeating: 0, count: channels)
        for y in (row * height)..<((row + 1) * height) {
          for x in (column * width)..<((column + 1) * width) {
            let alpha = hasAlpha ? Int(self[y / newHeight, x / newWidth, colors]) : 1
            for c in 0..<colors { sums[c] += Int(self[y / newHeight, x / newWidth, c]) * alpha }
            if hasAlpha { sums[colors] += alpha }
          }
        }
        let area = width * height, weight = hasAlpha ? sums[colors] : area
        for c in 0..<colors where weight > 0 { result[row, column, c] = UInt8((2 * sums[c] + weight) / (2 * weight)) }
        if hasAlpha { result[row, column, colors] = UInt8((2 * sums[colors] + area) / (2 * area)) }
      }
    }
    return result
  }
}
