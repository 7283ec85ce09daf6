import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("The best of several candidates") struct BestCandidatesTests {
  /// Batches of two 1 x 1 images.
  let batches = [[1.0, 8], [5, 2], [3, 9]].map { Tensor($0, [2, 1, 1, 1]) }

  @Test func isTheOneWithTheHighestScoreImageByImage() throws {
    let best = try BestCandidates(of: batches) { $0.reshape([2]) }
    #expect(best.winners == [1, 2])
    #expect(best.scores == [[1, 5, 3], [8, 2, 9]])
    #expect(try best.images.doubles() == [5, 9])
  }

  @Test func isTheFirstOfEqualOnesAndNeverOneWithoutAScore() throws {
    #expect(try BestCandidates(of: batches) { $0.reshape([2]) * 0 }.winners == [0, 0])
    let best = try BestCandidates(of: batches) { Tensor.where($0.gt(4), .full(.nan, like: $0), $0).reshape([2]) }
    #expect(best.winners == [2, 1])
    #expect(try BestCandidates(of: batches) { $0.reshape([2]) * Double.nan }.winners == [0, 0])
  }

  @Test func wrongShapesAndFaultsAreThrown() {
    #expect(throws: TorchFault.self) { try BestCandidates(of: []) { $0.reshape([2]) } }
    #expect(throws: TorchFault.self) { try BestCandidates(of: [batches[0], batches[1].image(0)]) { $0.reshape([-1]) } }
    #expect(throws: TorchFault.self) { try BestCandidates(of: batches) { $0 } }
    #expect(throws: BrokenDenoiser.fault) { try BestCandidates(of: batches) { BrokenDenoiser().predict($0, at: .clean).x0 } }
  }

  @Test func aClassifiersScoreIsTheLogProbabilityOfTheClassAskedFor() throws {
    let logits = Tensor([0.0, log(3), 0, 0], [2, 2])
    let scores = logProbability(of: Tensor([1, 0]), logits: logits)
    #expect(try distance(scores, Tensor([log(0.75), log(0.5)])) < 1e-6)
  }

  /// Candidate 0 is the image there is without others, so that more candidates never make it another.
  @Test func candidatesOfAnImageHaveNoiseOfTheirOwn() throws {
    let noise = { (candidate: Int) in
      var source = PerImageNoise(seed: Seed(1), images: [3], candidate: candidate)
      return try source.normal([1, 1, 2, 2]).floats()
    }
    var plain = PerImageNoise(seed: Seed(1), images: [3])
    #expect(try noise(0) == plain.normal([1, 1, 2, 2]).floats())
    #expect(try noise(1) != noise(0) && noise(1) != noise(2))
  }
}

@Suite("The denoising score") struct DenoisingScoreTests {
  let oracle = GaussianOracle(mean: 0.3, variance: 0.04)
  let score = DenoisingScore(.variancePreserving(-10...10) { _ in 0 })

  /// Farther from the data's mean, worse.
  @Test func isLowerForLikelierImages() throws {
    let images = Tensor([0.3, 0.5, 0.9, -0.3], [4, 1, 1, 1]) * Tensor.ones([4, 1, 8, 8])
    let errors = try score.errors(of: images, denoiser: oracle).doubles()
    #expect(errors[0] < errors[1] && errors[1] < errors[2])
    // 0.9 and −0.3 are as far from the mean: what differs is the noise.
    #expect(abs(errors[2] - errors[3]) < 0.3 * errors[2])
  }

  /// E (ε̂ − ε)² = s⁻² (α² σ² (x₀ − m)² + (α² v)²) with s = α² v + σ², for one level.
  @Test func isTheMeanErrorInClosedForm() throws {
    let level = smoothLevels(4)[2], single = DenoisingScore(levels: [level])
    let errors = single.errors(of: .full(0.7, [1, 1, 64, 64], dtype: .float64), denoiser: oracle)
    let (a, b, s) = (level.alpha * level.alpha, level.sigma * level.sigma, oracle.spread(level))
    let exact = (a * b * 0.16 + a * a * oracle.variance * oracle.variance) / (s * s)
    // Four standard errors of 4,096 elements, the error being at most twice as spread as it is large.
    #expect(try abs(errors.item() - exact) < 4 * 2 * exact / 64)
  }

  @Test func ofAnImageDoesNotDependOnTheOthersOrTheCall() throws {
    let images = Tensor.randn([3, 1, 4, 4], using: Generator(seed: 1))
    let all = try score.errors(of: images, denoiser: oracle).doubles()
    for image in 0..<3 {
      #expect(try abs(score.errors(of: images.image(image), denoiser: oracle).item() - all[image]) < 1e-5)
    }
    #expect(try DenoisingScore(levels: score.levels, seed: Seed(1)).errors(of: images, denoiser: oracle).doubles() != all)
  }

  @Test func picksTheCandidateThatLooksLikeData() throws {
    let good = Tensor.full(0.35, [2, 1, 4, 4]), bad = Tensor.full(-0.8, [2, 1, 4, 4])
    let best = try BestCandidates(of: [bad, good]) { -score.errors(of: $0, denoiser: oracle) }
    #expect(best.winners == [1, 1])
    #expect(try distance(best.images, good) == 0)
  }

  @Test func asksAtLevelsBetweenTheEnds() {
    let angles = score.levels.map { atan2($0.sigma, $0.alpha) / (.pi / 2) }
    #expect(angles.count == 8)
    #expect(abs(angles[0] - 0.85) < 1e-9 && abs(angles[7] - 0.15) < 1e-9)
  }

  @Test func withoutLevelsItIsRefused() {
    #expect(DenoisingScore(levels: []).errors(of: .ones([1, 1, 2, 2]), denoiser: oracle).fault != nil)
  }
}
