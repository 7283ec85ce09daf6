import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("A denoiser between two") struct InterpolatedDenoiserTests {
  let a = GaussianOracle(mean: 0.5), b = GaussianOracle(mean: -0.5)
  let x = Tensor.randn([3, 1, 4, 4], using: Generator(seed: 1))
  let level = NoiseLevel(alpha: 0.8, sigma: 0.6, timestep: 10)

  @Test func mixesTheEstimatesOfEachImageAndTheyStillMakeUpX() throws {
    let p = InterpolatedDenoiser(a, b, weights: [0, 0.25, 1]).predict(x, at: level)
    let pa = a.predict(x, at: level), pb = b.predict(x, at: level)
    for (image, weight) in zip(0..<3, [0, 0.25, 1]) {
      let want = (1 - weight) * pa.x0.image(image) + weight * pb.x0.image(image)
      // Rounding in float32.
      #expect(try (p.x0.image(image) - want).abs().max().item() < 1e-6)
    }
    #expect(try (level.alpha * p.x0 + level.sigma * p.epsilon - x).abs().max().item() < 1e-6)
  }

  @Test func atEitherEndIsThatDenoiserToTheBit() throws {
    for (weight, denoiser) in [(0.0, a), (1.0, b)] {
      let p = InterpolatedDenoiser(a, b, weights: [weight, weight, weight]).predict(x, at: level)
      #expect(try (p.x0 - denoiser.predict(x, at: level).x0).abs().max().item() == 0)
    }
  }

  @Test func asManyWeightsAsImagesAreNeeded() throws {
    #expect(throws: TorchFault.self) { try InterpolatedDenoiser(a, b, weights: [0.5, 0.5]).predict(x, at: level).x0.validated() }
  }
}
