import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

/// Paths over levels that differ by their position.
@Suite("Sampling paths") struct SamplingPathTests {
  /// n steps; the level with k steps of noise below it has the timestep k.
  func levels(_ n: Int) -> [NoiseLevel] {
    (0...n).reversed().map { k in
      let angle = Double(k) / Double(n + 1) * .pi / 2
      return NoiseLevel(alpha: cos(angle), sigma: sin(angle), timestep: Double(k))
    }
  }
  func places(_ path: [NoiseLevel]) -> [Int] { path.map { Int($0.timestep) } }

  @Test func startAtAStepLeavesTheStepsBeforeOut() throws {
    #expect(try places(levels(5).starting(atStep: 0)) == [5, 4, 3, 2, 1, 0])
    #expect(try places(levels(5).starting(atStep: 4)) == [1, 0])
  }

  /// Counted as diffusers' pipelines do: min(int(steps * strength), steps) steps.
  @Test(arguments: [(50, 0.8, 40), (50, 1, 50), (50, 0.58, 29), (10, 0.39, 3), (10, 0.1, 1), (3, 0.99, 2)])
  func strengthTakesItsShareOfTheSteps(steps: Int, strength: Double, taken: Int) throws {
    let path = try levels(steps).starting(strength: strength)
    #expect(places(path) == Array((0...taken).reversed()))
  }

  @Test(arguments: [(10, 0), (10, -0.5), (10, 1.01), (10, .nan), (10, 0.05), (0, 1)])
  func aStrengthThatLeavesNoStepIsRefused(steps: Int, strength: Double) {
    #expect(throws: SamplingPathError.self) { try levels(steps).starting(strength: strength) }
  }

  @Test(arguments: [-1, 5, 6]) func aStartThatTheRunDoesNotHaveIsRefused(step: Int) {
    #expect(throws: SamplingPathError.noSuchStep(step, steps: 5)) { try levels(5).starting(atStep: step) }
    #expect(throws: SamplingPathError.self) { try levels(5).twice(fromStep: step) }
    #expect(throws: SamplingPathError.noSuchStep(0, steps: -1)) { try [NoiseLevel]().starting(atStep: 0) }
  }

  @Test func doubleSamplingGoesBackOnceFromTheCleanImage() throws {
    #expect(try places(levels(4).twice(fromStep: 2)) == [4, 3, 2, 1, 0, 2, 1, 0])
  }

  /// Lugmayr et al., figure 9: pauses every j steps, the last at one step of noise, none where the way back is longer than the path.
  @Test func resamplingComesDownSoManyTimesFromEachPause() throws {
    #expect(try places(levels(5).resampled(jumpLength: 2, jumpSamples: 3)) == [5, 4, 3, 5, 4, 3, 5, 4, 3, 2, 1, 3, 2, 1, 3, 2, 1, 0])
    #expect(try places(levels(4).resampled(jumpLength: 1, jumpSamples: 2)) == [4, 3, 4, 3, 2, 3, 2, 1, 2, 1, 0])
  }

  @Test func resamplingThatDoesNothingLeavesThePathAsItIs() throws {
    #expect(try levels(5).resampled(jumpLength: 2, jumpSamples: 1) == levels(5))
    #expect(try levels(5).resampled(jumpLength: 5, jumpSamples: 9) == levels(5))
    #expect(try levels(5).resampled(jumpLength: 4, jumpSamples: 2) != levels(5))
  }

  @Test(arguments: [(0, 10), (-1, 10), (10, 0)]) func jumpsOfLessThanOneAreRefused(length: Int, samples: Int) {
    #expect(throws: SamplingPathError.self) { try levels(5).resampled(jumpLength: length, jumpSamples: samples) }
  }

  @Test(arguments: [(1, 200_002), (1, Int.max), (2, .max)])
  func repetitionsAboveTheLimitAreRefusedBeforeThePathIsMade(length: Int, samples: Int) throws {
    let error = #expect(throws: SamplingPathError.self) { try levels(6).resampled(jumpLength: length, jumpSamples: samples) }
    #expect(error.map { "\($0)".hasPrefix("jump_n_sample \(samples) adds ") } == true)
    #expect(try levels(6).resampled(jumpLength: 6, jumpSamples: .max) == levels(6))
  }

  @Test func problemsSayWhatWouldDo() {
    #expect("\(SamplingPathError.noSuchStep(7, steps: 5))" == "a start at step 7; expected 0 to 4, the run having 5 steps")
    #expect(
      "\(SamplingPathError.strengthOutOfRange(0.05, steps: 10))"
        == "strength 0.05 of 10 steps leaves none; expected 1 / 10 or more, or more steps")
    #expect("\(SamplingPathError.jumpOutOfRange("jump_length", 0))" == "jump_length 0; expected 1 or more")
  }
}

@Suite("Runs over other paths") struct PathRunTests {
  let levels = try! DiscreteProcess(betas: CosineSchedule(steps: 12).makeBetas()).samplingLevels
  let shape = [2, 1, 3, 3]

  func source() -> BatchNoise { BatchNoise(Generator(seed: 6)) }

  @Test func doubleSamplingIsItsTwoRunsWithTheImagesDiffusedBetween() throws {
    let path = try levels.twice(fromStep: 7)
    let run = SamplingRun(DDIM(eta: 0.5), denoiser: GaussianOracle(), levels: path, shape: shape, noise: source())
    let whole = try run.finish()

    let generator = Generator(seed: 6)
    let first = SamplingRun(DDIM(eta: 0.5), denoiser: GaussianOracle(), levels: levels, shape: shape, noise: BatchNoise(generator))
    let again = SamplingRun(
      DDIM(eta: 0.5), denoiser: GaussianOracle(), levels: try levels.starting(atStep: 7), image: try first.finish(),
      noise: BatchNoise(generator))
    #expect(try distance(whole, again.finish()) < 1e-6)
    #expect(try distance(whole, first.x) > 0.05)
  }

  /// K of double sampling counts from the end of the path: the first descent keeps its noise.
  @Test func noiseOfDoubleSamplingStopsInTheSecondDescent() throws {
    let path = try levels.twice(fromStep: 7)
    let after = { (steps: Int, window: NoiseWindow, seed: UInt64) in
      let start = Tensor.ones(shape)
      let run = SamplingRun(
        DDPM(), denoiser: GaussianOracle(), levels: path, start: start, noise: BatchNoise(seed: Seed(seed)), window: window)
      for _ in 0..<steps { _ = try run.next() }
      return try run.x.floats()
    }
    let window = NoiseWindow(untilRemaining: 5)
    #expect(try after(12, window, 1) == after(12, .always, 1))
    #expect(try after(13, window, 1) != after(13, window, 2), "the jump draws")
    #expect(try after(14, window, 1) != after(14, .always, 1))
  }

  /// The start is N(α c, σ²) for an image c, and the ODE carries its mean to m + √(v / s) α (c − m), with s = α² v + σ².
  @Test func imageToImageOfGaussianDataHasTheRightMean() throws {
    let n = 4096, oracle = GaussianOracle(mean: 0.3, variance: 0.25)
    let path = try DiscreteProcess(betas: CosineSchedule(steps: 200).makeBetas()).samplingLevels.starting(strength: 0.5)
    let image = Tensor.full(0.9, [n, 1, 1, 1], dtype: .float64), start = path[0]
    let images = try SamplingRun(DDIM(), denoiser: oracle, levels: path, image: image, noise: BatchNoise(seed: Seed(1))).finish()
    let gain = (oracle.variance / oracle.spread(start)).squareRoot()
    let mean = 0.3 + gain * start.alpha * 0.6, deviation = gain * start.sigma
    // Four standard errors, and half a percent for a hundred steps of first order.
    #expect(try abs(images.mean().item() - mean) < 4 * deviation / Double(n).squareRoot() + 0.005)
    #expect(try abs(images.variance().item().squareRoot() - deviation) < 4 * deviation / (2 * Double(n)).squareRoot() + 0.005)
  }

  @Test func imageToImageStartsFromTheFirstNoiseDrawn() throws {
    let path = try levels.starting(strength: 0.5), image = Tensor.full(0.4, shape), generator = Generator(seed: 6)
    let run = SamplingRun(DDIM(), denoiser: GaussianOracle(), levels: path, image: image, noise: source())
    let noise = Tensor.randn(shape, using: generator)
    #expect(try distance(run.x, path[0].alpha * image + path[0].sigma * noise) < 1e-6)
    _ = try run.finish()
  }

  /// Zheng et al. 2022: noise taken as images of a later level.
  @Test func aTruncatedStartIsTheNoiseItself() throws {
    let run = SamplingRun(
      DDIM(), denoiser: GaussianOracle(), levels: try levels.starting(atStep: 8), shape: shape, noise: source())
    #expect(try distance(run.x, .randn(shape, using: Generator(seed: 6))) < 1e-6)
    #expect(run.levels.count == 5)
  }
}
