import Foundation
import Tensors
import Testing

@testable import NN

@Suite("Timestep embeddings") struct TimestepEmbeddingTests {
  @Test(arguments: [1, 2, 7, 32]) func areCosinesThenSinesOfDecreasingFrequencies(dimension: Int) throws {
    let timesteps = [0, 1, 17.25, 999]
    let embedding = timestepEmbedding(Tensor(timesteps.map(Float.init)), dimension: dimension)
    #expect(embedding.shape == [4, dimension] && embedding.dtype == .float32)
    let found = try embedding.doubles(), half = dimension / 2
    for (row, t) in timesteps.enumerated() {
      let angles = (0..<half).map { t * exp(-log(10_000) * Double($0) / Double(half)) }
      let expected = angles.map { cos($0) } + angles.map { sin($0) } + [0].prefix(dimension % 2)
      // A float32 frequency is off by a few parts in 10^7, scaled by the timestep.
      let tolerance = 1e-6 + 3e-7 * t
      #expect(zip(found[(row * dimension)...], expected).allSatisfy { abs($0 - $1) < tolerance }, "t = \(t)")
    }
  }

  @Test func takeThePeriodAndIntegerTimesteps() throws {
    let found = try timestepEmbedding(Tensor([3]), dimension: 4, maxPeriod: 100).doubles()
    #expect(zip(found, [cos(3), cos(0.3), sin(3), sin(0.3)]).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func canStartWithSinesAndReachTheLastFrequency() throws {
    let found = try timestepEmbedding(Tensor([3]), dimension: 4, maxPeriod: 100, sinesFirst: true, frequencyShift: 1).doubles()
    #expect(zip(found, [sin(3), sin(0.03), cos(3), cos(0.03)]).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func passAFaultThrough() {
    #expect(timestepEmbedding(Tensor.ones([2]).reshape(3), dimension: 5).fault?.operation == "reshape")
  }
}
