import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Likelihood") struct LikelihoodTests {
  let process = try! DiscreteProcess(betas: [0.1, 0.5, 0.2])
  let x0 = Tensor.randn([2, 1, 2, 2], dtype: .float64, using: Generator(seed: 1)).clamp(-1...1)

  // MARK: Divergence

  @Test func theDivergenceOfEqualNormalsIsZero() throws {
    let normal = DiagonalGaussian(mean: x0, logVariance: .full(-0.3, like: x0))
    #expect(try normal.divergence(from: normal).abs().max().item() == 0)
  }

  @Test func theDivergenceOfTwoNormalsIsTheClosedForm() throws {
    // KL(N(1, 4) ‖ N(3, 1)) = ½ (4 − ln 4 − 1 + 4).
    let wide = DiagonalGaussian(mean: Tensor([1.0]), logVariance: Tensor([log(4.0)]))
    let narrow = DiagonalGaussian(mean: Tensor([3.0]), logVariance: Tensor([0.0]))
    #expect(try abs(wide.divergence(from: narrow).item() - 0.5 * (7 - log(4.0))) < 1e-14)
  }

  @Test func thePixelsOfANormalAddUpToOne() throws {
    let pixels = Tensor((0...255).map { 2 * Double($0) / 255 - 1 })
    for (mean, deviation) in [(0.2, 0.3), (-1, 0.01), (1.5, 1)] {
      let normal = DiagonalGaussian(mean: .full(mean, like: pixels), logVariance: .full(2 * log(deviation), like: pixels))
      #expect(try abs(normal.logLikelihood(ofPixels: pixels).exp().sum().item() - 1) < 1e-9)
    }
  }

  // MARK: Runs

  /// A denoiser that knows the images.
  struct Knowing: Denoiser {
    let x0: Tensor
    var noiseLevelRange: NoiseLevelRange { try! DiscreteProcess(betas: [0.1, 0.5, 0.2]).noiseLevelRange }
    func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
      Prediction(x0: x0, epsilon: (x - levels[0].alpha * x0) / levels[0].sigma)
    }
  }

  @Test func aModelThatKnowsTheImagesPaysForTheirPixelsAlone() throws {
    let run = LikelihoodRun(process, denoiser: Knowing(x0: x0), images: x0, noise: BatchNoise(seed: Seed(1)))
    let total = try run.finish()
    #expect(run.steps.map(\.timestep) == [2, 1, 0])
    #expect(run.steps.map(\.index) == [0, 1, 2] && run.steps.allSatisfy { $0.count == 3 })
    for step in run.steps {
      for image in 0..<2 {
        #expect(step.x0Error[image] == 0 && step.epsilonError[image] < 1e-20)
        #expect(step.timestep == 0 ? step.variational[image] > 0 : abs(step.variational[image]) < 1e-12)
      }
    }
    for (image, prior) in try run.prior().enumerated() {
      #expect(abs(total[image] - prior - run.steps[2].variational[image]) < 1e-12)
    }
  }

  @Test func thePriorIsWhatTheLastLevelKeepsOfTheImages() throws {
    let run = LikelihoodRun(process, denoiser: Knowing(x0: x0), images: x0, noise: BatchNoise(seed: Seed(1)))
    // ᾱ = 0.36: KL(N(0.6 x₀, 0.64) ‖ N(0, 1)) = ½ (0.64 − ln 0.64 − 1 + 0.36 x₀²).
    let want = (0.5 * (0.36 * x0.square() - 0.36 - log(0.64)) / log(2)).meanPerImage()
    #expect(try distance(Tensor(run.prior()), want) < 1e-12)
  }

  @Test func errorsAreThoseOfTheDenoiser() throws {
    let run = LikelihoodRun(process, denoiser: Knowing(x0: x0 + 0.5), images: x0, noise: BatchNoise(seed: Seed(1)))
    let step = try #require(try run.next())
    for image in 0..<2 {
      #expect(abs(step.x0Error[image] - 0.25) < 1e-12)
      // ε is off by α/σ · 0.5.
      #expect(abs(step.epsilonError[image] - 0.25 * 0.36 / 0.64) < 1e-12)
    }
  }

  @Test func aRunStopsWhereItIsNotPulledAndEndsWithItsSteps() throws {
    let run = LikelihoodRun(process, denoiser: Knowing(x0: x0), images: x0, noise: BatchNoise(seed: Seed(1)))
    _ = try run.next()
    #expect(run.steps.count == 1)
    _ = try run.finish()
    #expect(try run.next() == nil && run.steps.count == 3)
  }

  @Test func aFaultOfTheDenoiserIsThrown() throws {
    let run = LikelihoodRun(process, denoiser: BrokenDenoiser(), images: x0, noise: BatchNoise(seed: Seed(1)))
    #expect(throws: BrokenDenoiser.fault) { try run.next() }
    #expect(run.steps.isEmpty)
  }

  /// The ideal denoiser of data N(0, ¼) with the exact variance of its reverse steps, v_{t−1} β_t / v_t, v being the data's at t.
  struct ExactReverse: Denoiser {
    let process: DiscreteProcess
    let oracle = GaussianOracle()
    var noiseLevelRange: NoiseLevelRange { process.noiseLevelRange }

    func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
      let t = Int(levels[0].timestep), before = process.alphaBarPrevious[t]
      let variance = (0.25 * before + 1 - before) * process.betas[t] / oracle.spread(levels[0])
      let small = process.posteriorLogVarianceClipped[t], large = log(process.betas[t])
      var prediction = oracle.predict(x, at: levels)
      prediction.variance = .range(.full((log(variance) - small) / (large - small), like: x))
      return prediction
    }
  }

  @Test func ofAModelWithoutErrorTheBoundIsTheLikelihood() throws {
    let process = try DiscreteProcess(betas: CosineSchedule(steps: 40).makeBetas())
    let images = 0.5 * Tensor.randn([1, 1, 64, 64], dtype: .float64, using: Generator(seed: 3)).clamp(-1.9...1.9)
    let bits = try LikelihoodRun(process, denoiser: ExactReverse(process: process), images: images, noise: BatchNoise(seed: Seed(2)))
      .finish()[0]
    // −log₂ of the density N(0, ¼) at the values times the width of a pixel, 2/255.
    let density = try (0.5 * log(Double.pi / 2) + 2 * images.square().mean().item()) / log(2)
    // One draw of noise a step: a standard error of some 0.02.
    #expect(abs(bits - density - log2(255.0 / 2)) < 0.05)
  }
}
