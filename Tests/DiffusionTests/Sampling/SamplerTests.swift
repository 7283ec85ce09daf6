import Foundation
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Samplers") struct SamplerTests {
  let process = try! DiscreteProcess(betas: CosineSchedule(steps: 12).makeBetas())

  /// Song, Meng and Ermon 2021: with η = 1 DDIM's step is the ancestral one.
  @Test func ddimWithEtaOneIsDDPM() throws {
    let levels = process.samplingLevels
    let finish = { (sampler: any Sampler) in
      try SamplingRun(
        sampler, denoiser: GaussianOracle(), levels: levels,
        start: .randn([2, 1, 4, 4], dtype: .float64, using: Generator(seed: 1)), noise: BatchNoise(seed: Seed(2))
      ).finish()
    }
    #expect(try distance(finish(DDIM(eta: 1)), finish(DDPM())) < 1e-12)
    #expect(try distance(finish(DDIM(eta: 0.5)), finish(DDPM())) > 0.01)
  }

  /// Mean and variance after each step, for data whose posterior has just the variance that the model is given.
  func checkMoments(of oracle: GaussianOracle) throws {
    let n = 40_000, levels = process.samplingLevels
    let z = Tensor.randn([n, 1], dtype: .float64, using: Generator(seed: 3))
    let start = levels[0].alpha * oracle.mean + oracle.spread(levels[0]).squareRoot() * z
    let run = SamplingRun(DDPM(), denoiser: oracle, levels: levels, start: start, noise: BatchNoise(Generator(seed: 4)))
    while let step = try run.next(), step.level.sigma > 0 {
      let variance = oracle.spread(step.level)
      // Four standard errors.
      #expect(try abs(step.x.mean().item() - step.level.alpha * oracle.mean) < 4 * (variance / Double(n)).squareRoot())
      #expect(try abs(step.x.variance().item() - variance) < 4 * variance * (2 / Double(n)).squareRoot())
    }
  }

  @Test func ddpmWithTheSmallVarianceIsExactForASinglePoint() throws {
    try checkMoments(of: GaussianOracle(mean: 0.7, variance: 0, stepVariance: .fixedSmall))
  }

  @Test func ddpmWithTheLargeVarianceIsExactForNormalData() throws {
    try checkMoments(of: GaussianOracle(mean: 0, variance: 1, stepVariance: .fixedLarge))
  }

  @Test func ddpmWithALearnedVarianceTakesItsEnds() throws {
    let step = { (variance: StepVariance) in
      let noise = StepNoise(BatchNoise(Generator(seed: 5)))
      var memory = DDPM().makeMemory(for: process.samplingLevels)
      let x = Tensor.ones([1, 1, 2, 2], dtype: .float64)
      return DDPM().step(
        x, from: process.level(6), to: process.level(5), memory: &memory, denoiser: GaussianOracle(stepVariance: variance),
        noise: noise
      ).x
    }
    let zero = Tensor.zeros([1, 1, 2, 2], dtype: .float64)
    #expect(try distance(step(.range(zero)), step(.fixedSmall)) < 1e-14)
    #expect(try distance(step(.range(zero + 1)), step(.fixedLarge)) < 1e-14)
    #expect(try distance(step(.fixedSmall), step(.fixedLarge)) > 1e-3)
  }

  @Test func theSolverIsFirstOrderInItsFirstAndLastStep() throws {
    let oracle = GaussianOracle(), levels = process.samplingLevels
    let x = Tensor.randn([2, 1, 4, 4], dtype: .float64, using: Generator(seed: 1))
    let noise = StepNoise(BatchNoise(seed: Seed(2)))
    var memory = DPMSolverPP2M().makeMemory(for: levels)
    let first = DPMSolverPP2M().step(x, from: levels[0], to: levels[1], memory: &memory, denoiser: oracle, noise: noise).x
    let ddim = DDIM().step(x, from: levels[0], to: levels[1], denoiser: oracle, noise: noise).x
    #expect(try distance(first, ddim) < 1e-13)
    let last = DPMSolverPP2M().step(x, from: levels[11], to: .clean, memory: &memory, denoiser: oracle, noise: noise)
    #expect(try distance(last.x, last.x0) < 1e-13)
    #expect(try distance(last.x0, oracle.predict(x, at: levels[11]).x0) == 0)
  }

  @Test(arguments: [-0.1, 1.5, .nan]) func anImpossibleEtaIsRefused(eta: Double) {
    #expect(throws: RecipeError.self) { try DDIM(eta: eta).validate() }
  }
}

@Suite("A sampling run") struct SamplingRunTests {
  let levels = smoothLevels(4)

  @Test func drawsItsStartFirstAndOncePerStepInBatchOrder() throws {
    for sampler in SamplerRegistry.all.compactMap({ $0.init() as? any Sampler }) {
      let generator = Generator(seed: 9), reference = Generator(seed: 9)
      let run = SamplingRun(sampler, denoiser: GaussianOracle(), levels: levels, shape: [2, 1, 3, 3], noise: BatchNoise(generator))
      #expect(try run.x.floats() == Tensor.randn([2, 1, 3, 3], using: reference).floats())
      _ = try run.finish()
      for _ in 0..<4 { _ = Tensor.randn([2, 1, 3, 3], using: reference) }
      #expect(try Tensor.randn([4], using: generator).floats() == Tensor.randn([4], using: reference).floats())
    }
  }

  @Test func resumesWhereItStopped() throws {
    let start = Tensor.ones([1, 1, 2, 2])
    let run = SamplingRun(DPMSolverPP2M(), denoiser: GaussianOracle(), levels: levels, start: start, noise: BatchNoise(seed: Seed(1)))
    let whole = SamplingRun(DPMSolverPP2M(), denoiser: GaussianOracle(), levels: levels, start: start, noise: BatchNoise(seed: Seed(1)))
    _ = try run.next()
    #expect(try run.finish().floats() == whole.finish().floats())
  }

  /// Where noise is not admitted DDPM goes to its mean, and DDIM follows the ODE.
  @Test func addsNoiseOnlyInsideTheWindow() throws {
    let finish = { (sampler: any Sampler, window: NoiseWindow, seed: UInt64) in
      try SamplingRun(
        sampler, denoiser: GaussianOracle(), levels: levels, start: .ones([1, 1, 2, 2]), noise: BatchNoise(seed: Seed(seed)), window: window
      ).finish().floats()
    }
    let never = NoiseWindow(untilRemaining: 4)
    #expect(try finish(DDIM(eta: 1), never, 1) == finish(DDIM(), .always, 1))
    #expect(try finish(DDPM(), never, 1) == finish(DDPM(), never, 2))
    #expect(try finish(DDPM(), NoiseWindow(untilRemaining: 3), 1) != finish(DDPM(), NoiseWindow(untilRemaining: 3), 2))
    let ratio = levels[0].sigma / levels[0].alpha
    #expect(try finish(DDPM(), NoiseWindow(ratios: 0...ratio / 2), 1) != finish(DDPM(), .always, 1))
    #expect(try finish(DDPM(), NoiseWindow(ratios: ratio...ratio), 1) == finish(DDPM(), NoiseWindow(untilRemaining: 3), 1))
  }

  /// To a noisier level the images are diffused by q(x_s | x_t), drawn from the same source, and the sampler starts anew.
  @Test func diffusesToANoisierLevelAndGoesOnFromThere() throws {
    let path = Array(levels[0...3]) + Array(levels[1...4])
    let start = Tensor.randn([1, 1, 3, 3], dtype: .float64, using: Generator(seed: 3))
    let run = SamplingRun(DPMSolverPP2M(), denoiser: GaussianOracle(), levels: path, start: start, noise: BatchNoise(Generator(seed: 4)))
    let before = SamplingRun(
      DPMSolverPP2M(), denoiser: GaussianOracle(), levels: Array(levels[0...3]), start: start, noise: BatchNoise(Generator(seed: 4)))
    let generator = Generator(seed: 4)
    for _ in 0..<3 { _ = Tensor.randn([1, 1, 3, 3], using: generator) }
    let noise = Tensor.randn([1, 1, 3, 3], using: generator).to(.float64)
    let risen = rediffuse(try before.finish(), from: levels[3], to: levels[1], noise: noise)
    let after = SamplingRun(
      DPMSolverPP2M(), denoiser: GaussianOracle(), levels: Array(levels[1...4]), start: risen, noise: BatchNoise(Generator(seed: 5)))
    #expect(try distance(run.finish(), after.finish()) < 1e-12)
  }

  @Test func diffusingInTwoStepsIsDiffusingInOne() throws {
    // Variances and means of q compose: with noise 0 the mean, and the variance that noise 1 adds.
    let zero = Tensor.zeros([1], dtype: .float64), one = zero + 1
    let (a, b, c) = (levels[3], levels[2], levels[0])
    #expect(
      try distance(
        rediffuse(rediffuse(one, from: a, to: b, noise: zero), from: b, to: c, noise: zero), rediffuse(one, from: a, to: c, noise: zero))
        < 1e-14)
    let first = try rediffuse(rediffuse(zero, from: a, to: b, noise: one), from: b, to: c, noise: zero).item()
    let second = try rediffuse(zero, from: b, to: c, noise: one).item()
    #expect(try abs(first * first + second * second - rediffuse(zero, from: a, to: c, noise: one).square().item()) < 1e-14)
  }

  @Test func withoutStepsGivesTheStart() throws {
    let run = SamplingRun(
      DDIM(), denoiser: BrokenDenoiser(), levels: [.clean], start: .ones([1, 1, 2, 2]), noise: BatchNoise(seed: Seed(1)))
    #expect(try run.next() == nil)
    #expect(try run.finish().floats() == [1, 1, 1, 1])
  }

  @Test func recordsNoGradients() throws {
    let weight = Tensor.ones([1]).requiringGradient()
    let denoiser = NetworkDenoiser(.x0) { x, _ in weight * x }
    let run = SamplingRun(DDIM(), denoiser: denoiser, levels: levels, start: .ones([1, 1, 2, 2]), noise: BatchNoise(seed: Seed(1)))
    #expect(try run.finish().requiresGradient == false)
  }

  @Test func noiseForAnotherBatchIsThrownByTheFirstStep() {
    let noise = PerImageNoise(seed: Seed(1), images: 0..<2)
    let run = SamplingRun(DDIM(), denoiser: GaussianOracle(), levels: levels, shape: [3, 1, 2, 2], noise: noise)
    #expect(throws: TorchFault.self) { try run.next() }
  }
}
