import Foundation
import Tensors
import RecipeKit
import Testing

@testable import Diffusion

@Suite("Timesteps for training") struct TimestepSamplingTests {
  let process = try! DiscreteProcess(betas: [0.1, 0.5, 0.2, 0.4])

  func draws(_ sampling: any TimestepSampling, _ count: Int, seed: UInt64 = 5) throws -> TimestepDraw {
    try sampling.makeSampler(for: process).draw(count, using: Generator(seed: seed))
  }

  @Test(arguments: TimestepSamplingRegistry.all.map { $0.name }) func areTheSameForTheSameSeedAndLieInTheProcess(name: String) throws {
    let sampling = try #require(TimestepSamplingRegistry.all.first { $0.name == name }?.init() as? any TimestepSampling)
    let draw = try draws(sampling, 64)
    #expect(try draw == draws(sampling, 64))
    #expect(try draw != draws(sampling, 64, seed: 6))
    #expect(draw.timesteps.count == 64 && draw.weights.count == 64)
    #expect(draw.timesteps.allSatisfy { (0..<4).contains($0) })
  }

  @Test(arguments: [UniformTimesteps() as any TimestepSampling, LossSecondMoment()]) func areEquallyLikely(
    sampling: any TimestepSampling
  ) throws {
    let draw = try draws(sampling, 4000)
    // Five standard deviations of a binomial: √(4000 · 1/4 · 3/4) = 27.
    for t in 0..<4 { #expect(abs(draw.timesteps.filter { $0 == t }.count - 1000) < 137) }
    #expect(draw.weights.allSatisfy { abs($0 - 1) < 1e-12 })
  }

  @Test(arguments: [4, 8, 12]) func stratifiedAreOneFromEachPart(count: Int) throws {
    for seed in 0..<20 {
      let draw = try draws(StratifiedTimesteps(), count, seed: UInt64(seed))
      for t in 0..<4 { #expect(draw.timesteps.filter { $0 == t }.count == count / 4) }
    }
  }

  @Test(arguments: [(8, 0.5, 4), (7, 0.5, 4), (6, 0.0, 0), (5, 1.0, 5)])
  func aShareIsTheLastTimestepAndTheOthersAreStratified(count: Int, share: Double, last: Int) throws {
    // Of 1000 steps none but the share lies at the last, save once in a few hundred draws.
    let long = try DiscreteProcess(betas: LinearSchedule().makeBetas(Double.self))
    let draw = try LastTimestepShare(share: share).makeSampler(for: long).draw(count, using: Generator(seed: 3))
    #expect(draw.timesteps.filter { $0 == 999 }.count == last)
    let others = draw.timesteps.filter { $0 != 999 }.sorted()
    for (part, timestep) in others.enumerated() { #expect(timestep * others.count / 1000 == part) }
    #expect(draw.weights.allSatisfy { $0 == 1 })
  }

  @Test func theImagesAtTheLastTimestepVary() throws {
    let first = try draws(LastTimestepShare(), 16, seed: 1), second = try draws(LastTimestepShare(), 16, seed: 2)
    #expect(first.timesteps.map { $0 == 3 } != second.timesteps.map { $0 == 3 })
  }

  // MARK: Log-normal

  @Test func logNormalTakesTheNearestStep() throws {
    let sampler = LogNormalTimesteps.Sampler(logSigmas: [-2, -1, 1, .infinity], mean: 0, deviation: 1)
    #expect([-9, -1.6, -1.4, -0.1, 0.1, 0.9, 50].map { sampler.nearestStep(to: $0) } == [0, 0, 1, 1, 2, 2, 2])
  }

  @Test func logNormalFollowsItsNormal() throws {
    // Steps at ln s = −2, −1.9 … 2: far more than the normal of mean 0.3 and deviation 0.4 reaches.
    let sampler = LogNormalTimesteps.Sampler(logSigmas: (0...40).map { Double($0) / 10 - 2 }, mean: 0.3, deviation: 0.4)
    let draw = try sampler.draw(4000, using: Generator(seed: 1))
    let values = draw.timesteps.map { sampler.logSigmas[$0] }
    let mean = values.reduce(0, +) / 4000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
    // Five standard errors: 0.4/√4000 of the mean, √(2/4000) of the variance; rounding to 0.1 adds 0.1²/12 to the variance.
    #expect(abs(mean - 0.3) < 0.032)
    #expect(abs(variance - 0.16 - 0.01 / 12) < 0.018)
    #expect(draw.weights.allSatisfy { $0 == 1 })
  }

  @Test func logNormalKnowsTheNoiseForASignalOfOne() throws {
    let sampler = try #require(LogNormalTimesteps().makeSampler(for: process) as? LogNormalTimesteps.Sampler)
    for (t, logSigma) in sampler.logSigmas.enumerated() {
      #expect(abs(exp(2 * logSigma) - (1 - process.alphaBar[t]) / process.alphaBar[t]) < 1e-12)
    }
  }

  @Test func logNormalServesAProcessThatEndsInPureNoise() throws {
    let sampler = LogNormalTimesteps(pMean: 30, pStd: 1).makeSampler(for: try zeroTerminalProcess(10))
    #expect(try sampler.draw(20, using: Generator(seed: 1)).timesteps.allSatisfy { $0 == 8 })
  }
}

@Suite("Timesteps by their losses") struct LossSecondMomentTests {
  func sampler(_ rows: [[Double]], uniform: Double = 0.1) -> LossSecondMomentSampler {
    var sampler = LossSecondMomentSampler(steps: rows.count, historyPerTerm: 2, uniformProbability: uniform)
    for (t, row) in rows.enumerated() { sampler.learn(from: row, at: row.map { _ in t }) }
    return sampler
  }

  @Test func areAsLikelyAsTheRootOfTheMeanSquare() {
    // √((1 + 49)/2) = 5 and √((9 + 441)/2) = 15.
    let probabilities = sampler([[1, 7], [3, 21]]).probabilities
    #expect(abs(probabilities[0] - (0.9 * 0.25 + 0.05)) < 1e-15)
    #expect(abs(probabilities[1] - (0.9 * 0.75 + 0.05)) < 1e-15)
  }

  @Test func areEquallyLikelyUntilEveryHistoryIsFull() {
    let cold = sampler([[1, 7], [3]])
    #expect(!cold.isWarm && cold.probabilities == [0.5, 0.5])
    #expect(sampler([[1, 7], [3, 1]]).isWarm)
  }

  /// With 100,000 timesteps, 10,000 losses of each would take 8 GB.
  @Test func aHistoryIsBoundedBeforeItCostsMemory() {
    var sampling = LossSecondMoment()
    for (count, isAccepted) in [(0, false), (1, true), (100, true), (101, false), (Int.max, false)] {
      sampling.historyPerTerm = count
      #expect((try? sampling.validate()) != nil || !isAccepted)
      if !isAccepted { #expect(throws: RecipeError.self) { try sampling.validate() } }
    }
  }

  @Test func forgetTheOldestLoss() {
    #expect(sampler([[1, 2, 3, 4], [5, 6]]).history == [[3, 4], [5, 6]])
  }

  @Test func ignoreLossesThatAreNotFinite() {
    let sampler = sampler([[1, .nan, 2, .infinity], [5, 6]])
    #expect(sampler.history == [[1, 2], [5, 6]])
    #expect(sampler.probabilities.allSatisfy { $0.isFinite })
  }

  @Test func ofNoLossAtAllAreEquallyLikely() { #expect(sampler([[0, 0], [0, 0]]).probabilities == [0.5, 0.5]) }

  @Test func importanceWeightsKeepTheExpectationOfAnyLoss() throws {
    let sampler = sampler([[1, 7], [3, 21], [0, 0.1], [4, 4]])
    let losses = [3.0, -1, 10, 0.5]
    let expectation = zip(sampler.probabilities, losses).reduce(0) { sum, pair in
      sum + pair.0 * LossSecondMomentSampler.importance(of: pair.0, among: 4) * pair.1
    }
    #expect(abs(expectation - losses.reduce(0, +) / 4) < 1e-12)
    #expect(abs(sampler.probabilities.reduce(0, +) - 1) < 1e-12)
  }

  @Test func theMeanLossCountsEachImageByItsImportance() throws {
    let losses = Tensor([3.0, 5]).requiringGradient()
    let mean = TimestepDraw([0, 1], weights: [2, 0.5]).mean(of: losses)
    #expect(try mean.item() == 4.25)
    #expect(try mean.gradients(of: [losses])[0]!.doubles() == [1, 0.25])
    #expect(try TimestepDraw([0, 1]).mean(of: losses).item() == 4)
  }

  @Test func areDrawnAsLikelyAsTheyAreWithTheirImportance() throws {
    let sampler = sampler([[1, 7], [3, 21]])
    let draw = try sampler.draw(4000, using: Generator(seed: 3))
    let share = Double(draw.timesteps.filter { $0 == 1 }.count) / 4000
    // Five standard deviations: √(0.725 · 0.275 / 4000) = 0.007.
    #expect(abs(share - 0.725) < 0.035)
    #expect(zip(draw.timesteps, draw.weights).allSatisfy { abs($1 - 0.5 / ($0 == 1 ? 0.725 : 0.275)) < 1e-12 })
  }

  // MARK: State

  @Test func restoredTheyAreThoseThatWouldHaveCome() throws {
    let sampler = sampler([[1.0 / 3, 7], [3], []])
    var other = LossSecondMomentSampler(steps: 3, historyPerTerm: 2, uniformProbability: 0.1)
    try other.restore(sampler.state)
    #expect(other.history == sampler.history)
  }

  @Test func areNotRestoredFromTheStateOfAnother() throws {
    var other = LossSecondMomentSampler(steps: 3, historyPerTerm: 2, uniformProbability: 0.1)
    let error = #expect(throws: DiffusionError.self) { try other.restore(sampler([[1, 7], [3, 21]]).state) }
    #expect(error?.description.contains("expected losses [3, 2] and counts [3]") == true)
    #expect(throws: DiffusionError.self) { try other.restore(StateDict()) }
    var damaged = sampler([[1, 7], [3, 21], [1, 1]]).state
    damaged["counts"] = Tensor([1, 3, 2])
    #expect(throws: DiffusionError.self) { try other.restore(damaged) }
    var uniform = UniformTimesteps().makeSampler(for: try DiscreteProcess(betas: [0.1]))
    #expect(throws: DiffusionError.self) { try uniform.restore(damaged) }
    #expect(other.history == [[], [], []])
  }
}

@Suite("Losses by quartile") struct LossQuartilesTests {
  @Test func areMeansOverTheQuartersOfTheProcess() {
    var quartiles = LossQuartiles()
    quartiles.add([1, 2, 3, 5], at: TimestepDraw([0, 249, 250, 999]), of: 1000)
    #expect(quartiles.means == [1.5, 3, nil, 5])
    var more = LossQuartiles()
    more.add([7], at: TimestepDraw([600]), of: 1000)
    quartiles += more
    #expect(quartiles.means == [1.5, 3, 7, 5])
  }

  @Test func doNotDependOnHowLikelyEachTimestepWas() {
    // Two timesteps of one quarter, one drawn three times as often.
    var quartiles = LossQuartiles()
    quartiles.add([2, 2, 2, 8], at: TimestepDraw([0, 0, 0, 1], weights: [1, 1, 1, 3]), of: 8)
    #expect(quartiles.means[0] == 5)
  }

  @Test func tellTheLastStepByItself() {
    var quartiles = LossQuartiles()
    quartiles.add([1, 2], at: TimestepDraw([0, 998]), of: 1000)
    #expect(quartiles.last == nil)
    quartiles.add([4, 8], at: TimestepDraw([999, 999], weights: [3, 1]), of: 1000)
    #expect(quartiles.last == 5)
    var more = LossQuartiles()
    more.add([13], at: TimestepDraw([999], weights: [4]), of: 1000)
    quartiles += more
    #expect(quartiles.last == 9)
  }

  @Test func ofFewerThanFourStepsFallIntoOneEach() {
    var quartiles = LossQuartiles()
    quartiles.add([1, 2, 3], at: TimestepDraw([0, 1, 2]), of: 3)
    #expect(quartiles.means == [1, 2, 3, nil])
  }
}
