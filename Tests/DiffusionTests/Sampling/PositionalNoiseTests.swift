import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Noise by position") struct PositionalNoiseTests {
  private func noise(
    _ rows: Range<Int>, _ columns: Range<Int>, seed: UInt64 = 42, step: Int = 0, draw: Int = 0, channels: Int = 3
  ) -> Tensor {
    .positionalNoise(seed: Seed(seed), step: step, draw: draw, rows: rows, columns: columns, channels: channels)
  }

  @Test func ofAPartIsThatOfTheWhole() throws {
    let whole = noise(0..<20, 0..<30), part = noise(7..<19, 11..<30)
    #expect(try part.floats() == whole.narrow(2, 7, 12).narrow(3, 11, 19).floats())
  }

  /// The published result for counter and key zero: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
  @Test func isPhiloxTransformedByBoxAndMuller() throws {
    let words: [Double] = [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
    var expected: [Float] = []
    for pair in [words[0...1], words[2...3]] {
      let u = (pair.first! + 0.5) / 4_294_967_296, angle = 2 * Double.pi * pair.last! / 4_294_967_296
      let radius = (-2 * log(u)).squareRoot()
      expected += [Float(radius * cos(angle)), Float(radius * sin(angle))]
    }
    let found = try noise(0..<1, 0..<1, seed: 0, channels: 4).floats()
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(found) \(expected)")
  }

  @Test func isStandardNormal() throws {
    let values = noise(0..<300, 0..<300).reshape(-1), count = Double(values.count)
    // Four standard errors.
    #expect(try abs(values.mean().item()) < 4 / count.squareRoot())
    #expect(try abs(values.variance(0).item() - 1) < 4 * (2 / count).squareRoot())
    #expect(try abs(values.pow(4.0).mean().item() - 3) < 4 * (96 / count).squareRoot())
  }

  @Test func ofNeighboursIsIndependent() throws {
    let values = noise(0..<200, 0..<201), limit = 4 / (3.0 * 200 * 200).squareRoot()
    #expect(try abs((values.narrow(3, 0, 200) * values.narrow(3, 1, 200)).mean().item()) < limit)
    let others = [
      noise(0..<200, 0..<201, step: 1), noise(0..<200, 0..<201, draw: 1), noise(0..<200, 0..<201, seed: 43),
      noise(0..<200, 0..<201, seed: 42 + 1 << 32),
    ]
    for other in others { #expect(try abs((values * other).mean().item()) < limit) }
  }

  @Test func advancesWithDrawsAndSteps() throws {
    var source = PositionalNoise(seed: Seed(42), rows: 2..<4, columns: 3..<8)
    #expect(try source.normal([1, 3, 2, 5]).floats() == noise(2..<4, 3..<8).floats())
    #expect(try source.normal([1, 3, 2, 5]).floats() == noise(2..<4, 3..<8, draw: 1).floats())
    source.stepEnded([1, 3, 2, 5])
    #expect(try source.normal([1, 3, 2, 5]).floats() == noise(2..<4, 3..<8, step: 1).floats())
  }

  @Test func ofAnotherShapeIsRefused() {
    var source = PositionalNoise(seed: Seed(42), rows: 0..<4, columns: 0..<8)
    #expect(source.normal([1, 3, 4, 7]).fault?.message == "noise of one picture of 4 x 8 was asked for the shape [1, 3, 4, 7]")
    #expect(noise(0..<1, 0..<1, step: 70_000).fault != nil)
    #expect(noise(-1..<1, 0..<1).fault != nil)
  }
}
