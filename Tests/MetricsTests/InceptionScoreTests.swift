import Failures
import Metrics
import Tensors
import Testing

@Suite("The inception score") struct InceptionScoreTests {
  private func score(_ probabilities: Tensor, splitSize: Int = 5000) throws -> Double {
    var score = InceptionScore(splitSize: splitSize)
    try score.add(probabilities)
    return try score.score()
  }

  @Test func isTheNumberOfClassesOfSureAndEvenGuessesAndOneOfEqualOnes() throws {
    // Rounding of logarithms.
    #expect(abs(try score(Tensor([0, 1, 2, 3, 3, 2, 1, 0]).oneHot(4)) - 4) < 1e-12)
    #expect(abs(try score(.full(0.25, [6, 4])) - 1) < 1e-12)
  }

  @Test func batchesMayEndAnywhere() throws {
    let p = Tensor.randn([23, 5], dtype: .float64, using: Generator(seed: 1)).softmax(1)
    var parts = InceptionScore(splitSize: 10)
    for range in [0..<4, 4..<21, 21..<23] { try parts.add(p.slice(0, range)) }
    #expect(try parts.scores().count == 3)
    // Sums in another order.
    #expect(abs(try parts.score() - score(p, splitSize: 10)) < 1e-12)
    #expect(abs(try parts.scores()[2] - score(p.slice(0, 20..<23))) < 1e-12)
  }

  @Test func splitsOfAnExpectedCountDifferByOneAtMost() throws {
    let p = Tensor.randn([23, 5], dtype: .float64, using: Generator(seed: 2)).softmax(1)
    var parts = InceptionScore(splits: 10, of: 23)
    for range in [0..<9, 9..<23] { try parts.add(p.slice(0, range)) }
    // As Salimans et al. count: picture 23 i / 10 is the first of split i.
    let want = try (0..<10).map { try score(p.slice(0, ($0 * 23 / 10)..<(($0 + 1) * 23 / 10))) }
    for (found, want) in zip(try parts.scores(), want) { #expect(abs(found - want) < 1e-12) }
    #expect(try parts.scores().count == 10 && abs(parts.moments().mean - want.reduce(0, +) / 10) < 1e-12)
    // More pictures than splits were made for begin others.
    var few = InceptionScore(splits: 10, of: 4)
    try few.add(p)
    #expect(try few.scores().count == 23)
  }

  @Test func needsPicturesOfOneNumberOfClasses() throws {
    #expect(throws: SfumatoError.self) { try InceptionScore().score() }
    var score = InceptionScore()
    try score.add(.full(0.5, [2, 2]))
    #expect(throws: TorchFault.self) { try score.add(.full(0.25, [2, 4])) }
  }
}
