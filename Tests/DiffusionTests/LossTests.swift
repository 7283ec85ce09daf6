import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Losses") struct LossTests {
  let process = try! DiscreteProcess(betas: [0.1, 0.5, 0.2])
  let x0 = Tensor.randn([2, 1, 2, 2], dtype: .float64, using: Generator(seed: 1)).clamp(-1...1)
  let noise = Tensor.randn([2, 1, 2, 2], dtype: .float64, using: Generator(seed: 2))

  @Test func ofANetworkThatSaysNothingIsTheMeanSquareOfTheTarget() throws {
    let terms = DenoisingLoss(process, .epsilon)(x0, at: [0, 2], noise: noise) { x, _ in .zeros(like: x) }
    let want = noise.square().meanPerImage()
    #expect(try distance(terms.perImage, want) < 1e-15)
    #expect(try abs(terms.mean.item() - want.mean().item()) < 1e-15)
    #expect(terms.variational == nil)
  }

  @Test(arguments: Parameterization.Name.allCases) func ofAPerfectNetworkIsZero(name: Parameterization.Name) throws {
    let parameterization = name.parameterization(in: process)
    let target = parameterization.target(x0: x0, noise: noise, at: process.levels([1, 2]))
    let terms = DenoisingLoss(process, parameterization)(x0, at: [1, 2], noise: noise) { _, _ in target }
    #expect(try terms.perImage.abs().max().item() == 0)
  }

  @Test func theNetworkSeesEachImageAtItsOwnLevel() throws {
    var seen = Tensor.zeros([1]), told: [Float] = []
    _ = DenoisingLoss(process, .epsilon)(x0, at: [0, 2], noise: noise) { x, timesteps in
      seen = x
      told = (try? timesteps.floats()) ?? []
      return x
    }
    #expect(told == [0, 2])
    #expect(try distance(seen.image(0), 0.9.squareRoot() * x0.image(0) + 0.1.squareRoot() * noise.image(0)) < 1e-15)
    #expect(try distance(seen.image(1), 0.6 * x0.image(1) + 0.8 * noise.image(1)) < 1e-15)
  }

  @Test func minSNRCutsTheWeightOfNearlyCleanImages() {
    let weighting = MinSNRWeighting(gamma: 5)
    let clean = NoiseLevel(alpha: 0.99, sigma: (1 - 0.99 * 0.99).squareRoot(), timestep: 0)
    let pure = NoiseLevel(alpha: 0, sigma: 1, timestep: 0), noisy = NoiseLevel(alpha: 0.6, sigma: 0.8, timestep: 0)
    #expect(weighting.weight(at: clean, of: .x0) == 5)
    #expect(weighting.weight(at: clean, of: .epsilon) == 5 / clean.snr)
    #expect(abs(weighting.weight(at: clean, of: .v) - 5 / (clean.snr + 1)) < 1e-15)
    #expect(weighting.weight(at: noisy, of: .epsilon) == 1)
    #expect(abs(weighting.weight(at: noisy, of: .v) - 0.36) < 1e-15)
    #expect(weighting.weight(at: pure, of: .v) == 0)
  }

  @Test func theWeightMultipliesTheError() throws {
    let terms = DenoisingLoss(process, .epsilon, weighting: MinSNRWeighting(gamma: 5))(x0, at: [0, 2], noise: noise) { x, _ in
      .zeros(like: x)
    }
    // Signal to noise 0.9 / 0.1 = 9 and 0.36 / 0.64.
    let want = Tensor([5.0 / 9, 1]) * noise.square().meanPerImage()
    #expect(try distance(terms.perImage, want) < 1e-14)
  }

  // MARK: The hybrid loss

  /// The loss of a network that knows the noise and puts the variance at one place of its range.
  func hybrid(place: Double, at timesteps: [Int], weights: Tensor = .ones([1], dtype: .float64)) -> LossTerms {
    DenoisingLoss(process, .epsilon, variance: .learnedRange)(x0, at: timesteps, noise: noise) { x, _ in
      .cat([noise, weights * Tensor.full(2 * place - 1, like: x)], dim: 1)
    }
  }

  @Test func theBoundVanishesWhereMeanAndVarianceAreThoseOfThePosterior() throws {
    #expect(try hybrid(place: 0, at: [1, 2]).variational!.abs().max().item() < 1e-14)
  }

  @Test func theBoundOfTheLargeVarianceIsTheDivergenceOfTwoNormals() throws {
    let terms = hybrid(place: 1, at: [1, 2])
    let bits = [1, 2].map { t -> Double in
      let ratio = process.posteriorVariance[t] / process.betas[t]
      return 0.5 * (ratio - log(ratio) - 1) / log(2)
    }
    #expect(try distance(terms.variational!, Tensor(bits)) < 1e-13)
    #expect(try distance(terms.perImage, Tensor(bits) * 3 / 1000) < 1e-13)
  }

  @Test func theFirstTermIsTheProbabilityOfThePixels() throws {
    // Exactly the mean: 2 Φ(1 / 255 s) − 1 inside, Φ(1 / 255 s) at black and white.
    let image = Tensor([0.0, -1, 1, 0.5], [1, 1, 2, 2])
    let terms = process.variationalTerms(x0: image, xt: image, estimate: image, variance: .fixedSmall, at: [0])
    let z = 1 / 255 / process.posteriorVariance[1].squareRoot()
    let phi = 0.5 * (1 + erf(z / 2.0.squareRoot()))
    let want = -(2 * log(2 * phi - 1) + 2 * log(phi)) / 4 / log(2)
    // The tanh approximation of Φ is right to 3e-4.
    #expect(try abs(terms.item() - want) < 3e-4)
  }

  @Test func theBoundMovesTheVarianceAndNotTheMean() throws {
    let mean = (0.9 * noise).requiringGradient()
    let place = Tensor.full(0.3, like: noise).requiringGradient()
    let terms = {
      DenoisingLoss(process, .epsilon, variance: .learnedRange)(x0, at: [1, 2], noise: noise) { _, _ in .cat([mean, place], dim: 1) }
    }
    let whole = try terms().mean.gradients(of: [mean, place])
    let simple = try terms().simple.mean().gradients(of: [mean])
    #expect(try distance(whole[0]!, simple[0]!) == 0)
    #expect(try whole[1]!.abs().min().item() > 0)
  }

  @Test func timestepsAreEquallyLikelyAndTheSameForTheSameSeed() throws {
    let a = try process.uniformTimesteps(3000, using: Generator(seed: 5))
    #expect(try a == process.uniformTimesteps(3000, using: Generator(seed: 5)))
    // Five standard deviations of a binomial: sqrt(3000 · 1/3 · 2/3) = 26.
    for t in 0..<3 { #expect(abs(a.filter { $0 == t }.count - 1000) < 130) }
    #expect(Set(a) == [0, 1, 2])
  }
}
