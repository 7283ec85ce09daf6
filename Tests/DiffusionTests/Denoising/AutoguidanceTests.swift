import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Autoguidance") struct AutoguidanceTests {
  let strong = CountingDenoiser(GaussianOracle(mean: 0.3)), weak = CountingDenoiser(GaussianOracle(mean: 0.1, variance: 1))
  let x = Tensor.randn([2, 1, 2, 2], dtype: .float64, using: Generator(seed: 1))
  let levels = [NoiseLevel(alpha: 0.6, sigma: 0.8, timestep: 5), NoiseLevel(alpha: 0.8, sigma: 0.6, timestep: 2)]

  @Test func leadsAwayFromTheWeakerOneAsFarAsTheScaleSays() throws {
    let p = Autoguidance(scale: 3, strong: strong, weak: weak).predict(x, at: levels)
    let (a, b) = (strong.base.predict(x, at: levels), weak.base.predict(x, at: levels))
    #expect(try distance(p.x0, 3 * a.x0 - 2 * b.x0) < 1e-12)
    // Both estimates still make up x.
    let again = levels.column(\.alpha, like: x) * p.x0 + levels.column(\.sigma, like: x) * p.epsilon
    #expect(try distance(again, x) < 1e-12)
  }

  @Test func aScaleOfOneAsksTheStrongOneAlone() throws {
    let p = Autoguidance(scale: 1, strong: strong, weak: weak).predict(x, at: levels)
    #expect(try distance(p.x0, strong.base.predict(x, at: levels).x0) == 0)
    #expect(strong.calls.count == 1 && weak.calls.count == 0)
  }

  /// σ/α is 4/3 for the first image and 3/4 for the second.
  @Test func guidesOnlyWithinItsInterval() throws {
    let guided = Autoguidance(scale: 3, interval: 1...2, strong: strong, weak: weak), p = guided.predict(x, at: levels)
    let (a, b) = (strong.base.predict(x, at: levels), weak.base.predict(x, at: levels))
    #expect(try distance(p.x0.image(0), (3 * a.x0 - 2 * b.x0).image(0)) < 1e-12)
    #expect(try distance(p.x0.image(1), a.x0.image(1)) < 1e-12)
    _ = guided.predict(x, at: [levels[1]])
    #expect(weak.calls.count == 1)
  }
}
