import Foundation
import Tensors
import Testing

@testable import Workflows

@Suite("Colour of restored pictures") struct ColourTests {
  /// A network that adds the same to every pixel: v = −r at the last level.
  private func restorer(_ added: Double, color: Bool, grain: Double = 0, _ set: [String] = []) throws -> Restorer {
    let network = TestNetwork(reach: 0) { x, degraded, _ in
      -(20 * added + grain * (degraded * 1000).sin())
    }
    return try TinyRestoring.restorer(network, ["sampling.steps=1"] + set) { $0.color = color }
  }

  @Test func lowFrequenciesAreThoseOfTheDegradedPicture() throws {
    let picture = TinyRestoring.picture(150, 90), bench = try RestorationBench(0.8 * picture)
    #expect(try levels(bench.restore(restorer(0.02, color: true)), 0.8 * picture) < 0.01)
    // 0.02 of the range is 5.1 levels.
    #expect(try abs(levels(bench.restore(restorer(0.02, color: false)), 0.8 * picture) - 5.1) < 0.01)
  }

  @Test func detailsStay() throws {
    let bench = try RestorationBench(0.3 + 0.4 * TinyRestoring.picture(150, 90))
    let corrected = try bench.restore(restorer(0, color: true, grain: 0.5)),
      plain = try bench.restore(restorer(0, color: false, grain: 0.5))
    let grain = try levels(plain, bench.degraded.read(rows: 0..<150, columns: 0..<90))
    #expect(grain > 5)
    #expect(try levels(corrected, plain) < 0.1 * grain)
  }

  @Test func driftIsReported() throws {
    let bench = try RestorationBench(0.5 * TinyRestoring.picture(100, 90))
    for color in [true, false] {
      let run = try bench.run(restorer(0.01, color: color), into: bench.result(), identity: "\(color)")
      while try run.next() != nil {}
      #expect(abs(run.colourDrift.mean - 2.55) < 0.01, "\(run.colourDrift.mean)")
      #expect(abs(run.colourDrift.percentile99 - 2.55) <= 0.125)
    }
    #expect(ColourDrift().mean == 0 && ColourDrift().percentile99 == 0)
  }

  @Test func coloursThatAreMeantToChangeAreLeft() throws {
    let set = ["corruption_names=[saturation, noise]"], bench = try RestorationBench(0.5 * TinyRestoring.picture(50, 60))
    func restored(_ strengths: [Double]) throws -> Tensor {
      let result = try bench.result(), run = try bench.run(restorer(0.02, color: true, set), into: result, strengths: strengths)
      while try run.next() != nil {}
      run.removeScratch()
      return try bench.read(result)
    }
    #expect(try abs(levels(restored([0.5, 0]), restored([0, 0.5])) - 5.1) < 0.01)
  }

  @Test func rowsByPartsAreThoseOfTheWhole() throws {
    let x = Tensor.randn([1, 3, 300, 70], using: Generator(seed: 1)), whole = LowFrequencies.of(x, rows: 0..<300)
    let part = LowFrequencies.of(x.narrow(2, 61, 139), rows: 39..<100)
    #expect(try (part - whole.narrow(2, 100, 61)).abs().max().item() < 1e-6)
    let last = LowFrequencies.of(x.narrow(2, 200, 100), rows: 39..<100)
    #expect(try (last - whole.narrow(2, 239, 61)).abs().max().item() < 1e-6)
  }

  @Test func aGaussianOfThirteenPixelsIsTaken() throws {
    let count = 400
    let impulse = Tensor.cat([.zeros([1, 1, 1, 200]), .ones([1, 1, 1, 1]), .zeros([1, 1, 1, count - 201])], dim: 3)
    let column = LowFrequencies.of(impulse.expand(1, 1, 79, count).contiguous(), rows: 39..<40)
    #expect(column.shape == [1, 1, 1, count])
    let values = try column.doubles()
    #expect(abs(values.reduce(0, +) - 1) < 1e-5)
    for distance in [0, 10, 39] {
      let expected = exp(-Double(distance * distance) / 338) / (13 * (2 * .pi).squareRoot())
      // Three standard deviations hold 99.7 %.
      #expect(abs(values[200 - distance] / expected - 1) < 0.004 && abs(values[200 + distance] / expected - 1) < 0.004)
    }
    #expect(values[200 + 40] == 0)
    #expect(try (LowFrequencies.of(.full(0.3, [1, 2, 600, 300]), rows: 0..<600) - 0.3).abs().max().item() < 1e-6)
  }
}
