import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Changes to the estimated image") struct AdjustedDenoiserTests {
  let process = try! DiscreteProcess(betas: CosineSchedule(steps: 20).makeBetas())
  let x = Tensor.randn([3, 2, 4, 4], dtype: .float64, using: Generator(seed: 1))
  let wild = NetworkDenoiser(.x0) { x, _ in 5 * x }

  @Test func clippingKeepsTheImageInRangeAndDerivesTheNoiseAnew() throws {
    let level = process.level(10)
    let clipped = wild.clipped().predict(x, at: level)
    #expect(try clipped.x0.abs().max().item() == 1)
    #expect(try distance(level.alpha * clipped.x0 + level.sigma * clipped.epsilon, x) < 1e-13)
    let inside = wild.clipped(to: -1000...1000).predict(x, at: level)
    #expect(try distance(inside.epsilon, wild.predict(x, at: level).epsilon) < 1e-13)
  }

  @Test func withoutUseOfTheClippedOutputTheNoiseIsTheNetworks() throws {
    let level = process.level(10)
    let clipped = wild.clipped(useClippedModelOutput: false).predict(x, at: level)
    #expect(try clipped.x0.abs().max().item() == 1)
    #expect(try distance(clipped.epsilon, wild.predict(x, at: level).epsilon) == 0)
  }

  @Test func anAdjustmentAppliesBeforeTheClippingThatFollowsIt() throws {
    let level = process.level(10)
    let p = wild.adjusted { 0.1 * $0 + 0.5 }.clipped().predict(x, at: level)
    #expect(try distance(p.x0, (0.5 * x + 0.5).clamp(-1...1)) < 1e-13)
    #expect(try distance(level.alpha * p.x0 + level.sigma * p.epsilon, x) < 1e-13)
  }

  @Test func aThresholdIsEachImagesOwnQuantileButNeverBelowOne() throws {
    // Absolute values 0, 1, 2, 4: their median is 1.5. The second image is within the range already.
    let said = Tensor([0.0, -1, 2, -4, 0.1, -0.2, 0.3, 0.4], [2, 1, 2, 2])
    let denoiser = NetworkDenoiser(.x0) { _, _ in said }
    let thresholded = { (maximum: Double) in
      denoiser.thresholded(dynamicThresholdingRatio: 0.5, sampleMaxValue: maximum)
        .predict(.zeros(like: said), at: process.level(3)).x0
    }
    let want = Tensor([0, -1 / 1.5, 1, -1, 0.1, -0.2, 0.3, 0.4], [2, 1, 2, 2])
    #expect(try distance(thresholded(.infinity), want) < 1e-15)
    #expect(try distance(thresholded(1), said.clamp(-1...1)) == 0)
    #expect(try distance(thresholded(1.25).image(0), Tensor([0, -0.8, 1, -1], [1, 1, 2, 2])) < 1e-15)
  }

  @Test func faultsTravelThroughEveryChange() {
    let level = process.level(3)
    for changed in [
      BrokenDenoiser().clipped().predict(x, at: level), BrokenDenoiser().thresholded().predict(x, at: level),
      BrokenDenoiser().adjusted { $0 + 1 }.predict(x, at: level),
    ] {
      #expect(changed.x0.fault == BrokenDenoiser.fault)
      #expect(changed.epsilon.fault == BrokenDenoiser.fault)
    }
  }
}
