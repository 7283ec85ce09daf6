import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Classifier guidance") struct ClassifierGuidanceTests {
  let process = try! DiscreteProcess(betas: CosineSchedule(steps: 20).makeBetas())
  let x = Tensor.randn([2, 1, 3, 3], dtype: .float64, using: Generator(seed: 3))
  let oracle = GaussianOracle(mean: 0.3, variance: 0.25)
  /// Every pixel is seen as this, give or take a standard normal error of variance 0.1.
  let seen = 0.9, error = 0.1

  /// log p(seen | x) at a level: normal, of the mean that the oracle expects of the clean pixel.
  func likelihood(at level: NoiseLevel) -> LogProbability {
    { x, _ in
      let gain = level.alpha * oracle.variance / oracle.spread(level)
      let expected = oracle.mean + gain * (x - level.alpha * oracle.mean)
      let variance = oracle.variance * level.sigma * level.sigma / oracle.spread(level) + error
      return (expected - seen).square().reshape(x.size(0), -1).sum(1) * (-0.5 / variance)
    }
  }

  /// Data that are known to have been seen so.
  var conditional: GaussianOracle {
    let precision = 1 / oracle.variance + 1 / error
    return GaussianOracle(mean: (oracle.mean / oracle.variance + seen / error) / precision, variance: 1 / precision)
  }

  @Test(arguments: [0, 8, 18]) func byAnExactLikelihoodGivesTheExactConditionalEstimates(step: Int) throws {
    let level = process.level(step)
    let p = withoutGradient { oracle.guided(by: likelihood(at: level), scale: 1).predict(x, at: level) }
    let want = conditional.predict(x, at: level)
    #expect(try distance(p.x0, want.x0) < 1e-12)
    #expect(try distance(p.epsilon, want.epsilon) < 1e-12)
    #expect(try distance(level.alpha * p.x0 + level.sigma * p.epsilon, x) < 1e-12)
  }

  @Test func outsideItsIntervalTheClassifierIsNotAsked() throws {
    var asked = 0
    let levels = [2, 10, 18].map(process.level), ratio = levels[1].sigma / levels[1].alpha
    let guided = oracle.guided(
      by: { x, _ in
        asked += 1
        return x.reshape(2, -1).sum(1)
      }, scale: 2, interval: ratio * 0.9...ratio * 1.1)
    for (index, level) in levels.enumerated() {
      let p = withoutGradient { guided.predict(x, at: level) }
      #expect(try (distance(p.x0, oracle.predict(x, at: level).x0) > 1e-3) == (index == 1) && (p.shift != nil) == (index == 1))
    }
    #expect(asked == 1)
    // Images at several levels are each guided as one alone is.
    let both = withoutGradient { guided.predict(x, at: [levels[0], levels[1]]) }
    #expect(try distance(both.x0.slice(0, 0..<1), oracle.predict(x, at: levels[0]).x0.slice(0, 0..<1)) == 0 && asked == 2)
  }

  @Test func theClassifierIsGivenTheTimestepsOfTheNetwork() throws {
    var given: [[Float]] = []
    let guided = oracle.guided(
      by: { x, timesteps in
        given.append((try? timesteps.floats()) ?? [])
        return x.reshape(2, -1).sum(1)
      }, scale: 1)
    let spaced = try DiscreteProcess(betas: process.betas, rescaleTimesteps: true).respaced(keeping: [3, 9])
    _ = guided.predict(x, at: spaced.level(1))
    _ = guided.predict(x, at: spaced.levels([0, 1]))
    #expect(given == [[450, 450], [150, 450]])
  }

  /// Dhariwal and Nichol 2021, algorithm 1: the mean moves by variance times gradient, from an estimate that is not shifted.
  @Test func anAncestralStepMovesItsMeanByVarianceTimesGradient() throws {
    let levels = process.samplingLevels
    for (variance, index) in [(StepVariance.fixedLarge, 5), (.fixedSmall, 5), (.log(x), 5), (.range(x), 5), (.fixedSmall, 19)] {
      let base = GaussianOracle(stepVariance: variance)
      let step = { (denoiser: any Denoiser) in
        var memory = DDPM().makeMemory(for: levels)
        return DDPM().step(x, from: levels[index], to: levels[index + 1], memory: &memory, denoiser: denoiser, noise: .none).x
      }
      let guided = base.guided(by: { x, _ in (x * x).reshape(2, -1).sum(1) }, scale: 3)
      let bounds = process.varianceBounds(19 - index)
      let want = step(base) + variance.variance(within: [bounds], like: x) * (3 * 2 * x)
      #expect(try distance(step(guided), want) < 1e-12)
      if index == 19 { #expect(try distance(step(guided), step(base)) == 0) }
    }
  }

  @Test func withoutSignalNothingIsShifted() throws {
    let pure = [NoiseLevel(alpha: 0, sigma: 1, timestep: 999), process.level(4)]
    let base = NetworkDenoiser(.v) { x, _ in 0.1 * x }
    let p = base.guided(by: { x, _ in x.reshape(2, -1).sum(1) }, scale: 2).predict(x, at: pure)
    #expect(try distance(p.x0.image(0), base.predict(x, at: pure).x0.image(0)) == 0)
    #expect(try distance(p.x0.image(1), base.predict(x, at: pure).x0.image(1)) > 0.1)
    #expect(try p.x0.isFinite().all().item() == 1)
  }

  @Test func theShiftIsNotClippedAgain() throws {
    let guided = GaussianOracle().clipped().guided(by: { x, _ in 50 * x.reshape(2, -1).sum(1) }, scale: 1)
    let p = guided.predict(x, at: process.level(10))
    #expect(try p.x0.abs().max().item() > 2)
    #expect(try p.shift?.unguidedX0.abs().max().item() ?? 9 <= 1)
  }

  @Test func faultsOfTheClassifierTravel() {
    let deaf = oracle.guided(by: { _, _ in .ones([2]) }, scale: 1).predict(x, at: process.level(3))
    #expect(deaf.x0.fault != nil && deaf.epsilon.fault != nil)
    let broken = oracle.guided(by: { x, _ in x.failed("conv2d", "broken on purpose") }, scale: 1).predict(x, at: process.level(3))
    #expect(broken.x0.fault?.message == "broken on purpose")
    #expect(BrokenDenoiser().guided(by: { x, _ in x.reshape(2, -1).sum(1) }, scale: 1).predict(x, at: process.level(3)).x0.fault != nil)
  }
}
