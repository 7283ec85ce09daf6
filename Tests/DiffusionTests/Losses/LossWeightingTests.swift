import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Loss weightings") struct LossWeightingTests {
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

  @Test func softMinSNRIsHalfOfGammaWhereTheSignalIsGamma() {
    let weighting = SoftMinSNRWeighting(gamma: 4)
    let even = NoiseLevel(alpha: 0.8.squareRoot(), sigma: 0.2.squareRoot(), timestep: 0)
    #expect(abs(weighting.weightOfImageError(at: even) - 2) < 1e-12)
    #expect(weighting.weightOfImageError(at: NoiseLevel(alpha: 0, sigma: 1, timestep: 0)) == 0)
    #expect(weighting.weight(at: NoiseLevel(alpha: 0, sigma: 1, timestep: 0), of: .v) == 0)
    #expect(abs(weighting.weightOfImageError(at: NoiseLevel(alpha: 1, sigma: 1e-6, timestep: 0)) - 4) < 1e-9)
  }

  @Test func edmIsThePapersFormulaAtASignalOfOne() {
    let level = NoiseLevel(alpha: 0.6, sigma: 0.8, timestep: 0), s = 0.8 / 0.6, data = 0.5
    let want = (s * s + data * data) / (s * data * s * data)
    #expect(abs(EDMWeighting().weight(at: level, of: .x0) - want) < 1e-12)
    #expect(EDMWeighting().weight(at: NoiseLevel(alpha: 0, sigma: 1, timestep: 0), of: .v) == 4)
  }

  /// One error in x₀, converted to each parameterisation.
  @Test(arguments: [MinSNRWeighting() as any ImageErrorWeighting, SoftMinSNRWeighting(), EDMWeighting()], Parameterization.Name.allCases)
  func theWeightedErrorIsThatOfTheImage(weighting: any ImageErrorWeighting, name: Parameterization.Name) throws {
    let process = try DiscreteProcess(betas: [0.1, 0.6, 0.2])
    let parameterization = name.parameterization(in: process), level = process.level(1)
    let x = Tensor([0.3, -0.7]), output = Tensor([0.2, 0.5]), other = Tensor([0.25, 0.1])
    let images = [output, other].map { parameterization.estimates(from: $0, x: x, at: [level]).x0 }
    let want = try weighting.weightOfImageError(at: level) * (images[0] - images[1]).square().mean().item()
    let got = try weighting.weight(at: level, of: parameterization) * (output - other).square().mean().item()
    #expect(abs(got - want) < 1e-12)
  }

  @Test func edmWeighsTheRawOutputOfItsNetworkByOneAtEveryLevel() {
    for alpha in [0.01, 0.5, 0.99] {
      let level = NoiseLevel(alpha: alpha, sigma: (1 - alpha * alpha).squareRoot(), timestep: 0)
      #expect(abs(EDMWeighting(sigmaData: 0.7).weight(at: level, of: .edm(sigmaData: 0.7)) - 1) < 1e-12)
    }
  }
}
