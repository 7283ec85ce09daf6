import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

/// DDPM steps between levels, and the discrete process has tables: two ways to the same Gaussian.
@Suite("Ancestral steps") struct AncestralStepTests {
  let process = try! DiscreteProcess(betas: CosineSchedule(steps: 6).makeBetas())
  let x = Tensor.randn([2, 1, 3, 3], dtype: .float64, using: Generator(seed: 1))
  static let place = Tensor.randn([2, 1, 3, 3], dtype: .float64, using: Generator(seed: 2))

  func step(_ denoiser: some Denoiser, _ index: Int, of process: DiscreteProcess, noise: TensorNoise? = nil) -> Tensor {
    let levels = process.samplingLevels
    let noise = noise.map { StepNoise($0) } ?? .none
    var memory = DDPM().makeMemory(for: levels)
    return DDPM().step(x, from: levels[index], to: levels[index + 1], memory: &memory, denoiser: denoiser, noise: noise).x
  }

  @Test(arguments: [StepVariance.fixedSmall, .fixedLarge, .log(place), .range(place)])
  func areThoseOfTheDiscreteProcess(variance: StepVariance) throws {
    let denoiser = GaussianOracle(mean: 0.2, stepVariance: variance).guided(by: { x, _ in (0.3 * x * x).reshape(2, -1).sum(1) }, scale: 1)
    for t in 0..<6 {
      let want = process.reverse(denoiser.predict(x, at: process.level(t)), xt: x, at: [t])
      #expect(try distance(step(denoiser, 5 - t, of: process), want.mean) < 1e-12)
      if t > 0 {
        let noised = step(denoiser, 5 - t, of: process, noise: TensorNoise(.ones(like: x)))
        #expect(try distance(noised, want.mean + (0.5 * want.logVariance).exp()) < 1e-12)
      }
    }
  }

  @Test func ofAProcessOfOneStepAreThoseOfTheDiscreteProcess() throws {
    let single = try DiscreteProcess(betas: [0.3])
    let denoiser = GaussianOracle(stepVariance: .range(Self.place)).guided(by: { x, _ in x.reshape(2, -1).sum(1) }, scale: 1)
    let want = single.reverse(denoiser.predict(x, at: single.level(0)), xt: x, at: [0])
    #expect(try distance(step(denoiser, 0, of: single), want.mean) < 1e-13)
  }

  @Test func followThePredictedMeanAndClippingDoesNotChangeThat() throws {
    let said = 3 * x
    let denoiser = NetworkDenoiser(.previousX(process)) { _, _ in said }.clipped()
    for index in 0..<6 { #expect(try distance(step(denoiser, index, of: process), said) == 0) }
    for timesteps in [[0], [2], [5, 3]] {
      let p = denoiser.predict(x, at: process.levels(timesteps))
      #expect(try distance(process.reverse(p, xt: x, at: timesteps).mean, said) == 0)
    }
  }

  @Test func ofAnotherLengthThanTheNetworksUseItsImage() throws {
    let denoiser = NetworkDenoiser(.previousX(process)) { x, _ in 3 * x }.clipped()
    let spaced = try process.respaced(keeping: [1, 5])
    let p = denoiser.predict(x, at: spaced.level(1)), want = spaced.posterior(x0: p.x0, xt: x, at: [1]).mean
    #expect(try distance(step(denoiser, 0, of: spaced), want) < 1e-12)
    #expect(try distance(spaced.reverse(p, xt: x, at: [1]).mean, want) < 1e-12)
  }
}

/// Always the same numbers.
struct TensorNoise: NoiseSource {
  let values: Tensor
  init(_ values: Tensor) { self.values = values }
  mutating func normal(_ shape: [Int]) -> Tensor { values }
}
