import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Classifier-free guidance") struct GuidanceTests {
  let x = Tensor.randn([2, 1, 3, 3], dtype: .float64, using: Generator(seed: 3))
  let level = NoiseLevel(alpha: 0.6, sigma: 0.8, timestep: 5)

  /// A network that says its label, 10 for null; and how often it was asked for how many images.
  func guidance(scale: Double, calls: @escaping (Int) -> Void) -> ClassifierFreeGuidance<NetworkDenoiser> {
    let labels = Tensor([3, 4])
    return ClassifierFreeGuidance(scale: scale, condition: labels, null: .full(10, like: labels)) { labels in
      NetworkDenoiser(.x0, variance: .learnedRange) { x, timesteps in
        calls(x.size(0))
        guard timesteps.size(0) == x.size(0) else { return x.failed("network", "\(timesteps.size(0)) timesteps") }
        let said = Tensor.ones(like: x) * labels.to(.float64).reshape(-1, 1, 1, 1)
        return .cat([said, said], dim: 1)
      }
    }
  }

  @Test(
    arguments: [
      (0.0, [10.0, 10.0], [2]), (1.0, [3.0, 4.0], [2]), (3.0, [10 + 3 * (3 - 10), 10 + 3 * (4 - 10)], [4]),
      (-0.5, [10 - 0.5 * (3 - 10), 10 - 0.5 * (4 - 10)], [4]),
    ] as [(Double, [Double], [Int])]) func guidedIsNullAndScaledDifferenceInOneCall(scale: Double, x0: [Double], batches: [Int]) throws
  {
    var asked: [Int] = []
    let p = guidance(scale: scale) { asked.append($0) }.predict(x, at: level)
    let want = Tensor.ones(like: x) * Tensor(x0).reshape(2, 1, 1, 1)
    #expect(asked == batches)
    #expect(try distance(p.x0, want) < 1e-13)
    // Image and noise still make up x.
    #expect(try distance(level.alpha * p.x0 + level.sigma * p.epsilon, x) < 1e-13)
  }

  @Test func theLearnedVarianceIsTheConditionalOne() throws {
    guard case .range(let place) = guidance(scale: 2, calls: { _ in }).predict(x, at: level).variance else {
      Issue.record("no learned variance")
      return
    }
    #expect(try place.select(1, 0).select(1, 0).select(1, 0).doubles() == [2, 2.5])
  }

  /// A network whose conditional images have more contrast than the null ones; it counts how many images it is asked for.
  func contrasting(
    _ scale: Double, rescale: Double = 0, interval: ClosedRange<Double> = 0...Double.infinity, calls: @escaping (Int) -> Void = { _ in }
  ) -> ClassifierFreeGuidance<NetworkDenoiser> {
    let labels = Tensor([1, 2])
    return ClassifierFreeGuidance(
      scale: scale, rescale: rescale, interval: interval, condition: labels, null: .zeros(like: labels)
    ) { labels in
      NetworkDenoiser(.v) { x, _ in
        calls(x.size(0))
        return x * (1 + labels.to(.float64)).reshape(-1, 1, 1, 1)
      }
    }
  }

  private func deviations(_ x: Tensor) throws -> [Double] { try x.reshape(2, -1).variance(1).sqrt().doubles() }

  @Test func rescaledWhollyEachImageHasTheContrastOfItsConditionalOne() throws {
    let conditional = contrasting(1).predict(x, at: level), guided = contrasting(4).predict(x, at: level)
    let rescaled = contrasting(4, rescale: 1).predict(x, at: level)
    let want = try deviations(conditional.x0), got = try deviations(rescaled.x0), before = try deviations(guided.x0)
    for image in 0..<2 {
      #expect(abs(got[image] - want[image]) < 1e-13)
      #expect(abs(before[image] - want[image]) > 0.1)
    }
    #expect(try distance(level.alpha * rescaled.x0 + level.sigma * rescaled.epsilon, x) < 1e-13)
    let half = contrasting(4, rescale: 0.5).predict(x, at: level)
    #expect(try distance(half.x0, 0.5 * (guided.x0 + rescaled.x0)) < 1e-13)
  }

  @Test func imagesWithoutAnyContrastAreNotDividedByIt() throws {
    let flat = ClassifierFreeGuidance(scale: 3, rescale: 1, condition: Tensor([1.0]), null: Tensor([0.0])) { labels in
      NetworkDenoiser(.x0) { x, _ in .ones(like: x) * labels.reshape(-1, 1, 1, 1) }
    }
    #expect(try flat.predict(x.image(0), at: level).x0.isFinite().all().item() == 1)
  }

  @Test func outsideTheIntervalTheConditionalAnswersAloneInOnePlainCall() throws {
    var asked: [Int] = []
    let inside = contrasting(3, interval: 1...2) { asked.append($0) }.predict(x, at: level)
    #expect(asked == [4])
    #expect(try distance(inside.x0, contrasting(3).predict(x, at: level).x0) == 0)
    for interval in [0.0...1.3, 1.4...9.0] {
      asked = []
      let outside = contrasting(3, interval: interval) { asked.append($0) }.predict(x, at: level)
      #expect(asked == [2])
      #expect(try distance(outside.x0, contrasting(1).predict(x, at: level).x0) == 0)
    }
  }

  @Test func ofImagesAtSeveralLevelsOnlyThoseInsideTheIntervalAreGuided() throws {
    let levels = [level, NoiseLevel(alpha: 0.8, sigma: 0.6, timestep: 2)]
    let p = contrasting(3, interval: 1...2).predict(x, at: levels)
    #expect(try distance(p.x0.image(0), contrasting(3).predict(x, at: levels).x0.image(0)) < 1e-13)
    #expect(try distance(p.x0.image(1), contrasting(1).predict(x, at: levels).x0.image(1)) < 1e-13)
  }

  @Test func aMeanPredictedByTheNetworkIsGuidedToo() throws {
    let process = try DiscreteProcess(betas: [0.1, 0.5, 0.2])
    let labels = Tensor([3.0, 4.0])
    let guided = ClassifierFreeGuidance(scale: 3, condition: labels, null: .zeros(like: labels)) { labels in
      NetworkDenoiser(.previousX(process)) { x, _ in .ones(like: x) * labels.reshape(-1, 1, 1, 1) }
    }
    let p = guided.predict(x, at: process.levels([2, 1]))
    #expect(try p.previousMean?.mean.select(1, 0).select(1, 0).select(1, 0).doubles() == [9, 12])
    #expect(p.previousMean?.levels == process.levels([1, 0]))
  }

  @Test(arguments: [0, 0.7]) func faultsOfTheNetworkTravel(rescale: Double) {
    let labels = Tensor([3, 4])
    let guided = ClassifierFreeGuidance(scale: 3, rescale: rescale, condition: labels, null: labels) { _ in BrokenDenoiser() }
    let p = guided.predict(x, at: level)
    #expect(p.x0.fault == BrokenDenoiser.fault)
    #expect(p.epsilon.fault == BrokenDenoiser.fault)
  }

  @Test func eachImageMayHaveALevelOfItsOwn() throws {
    let levels = [level, NoiseLevel(alpha: 0.8, sigma: 0.6, timestep: 2)]
    let p = guidance(scale: 2) { _ in }.predict(x, at: levels)
    let again = guidance(scale: 2) { _ in }.predict(x, at: levels[1])
    #expect(try distance(p.epsilon.image(1), again.epsilon.image(1)) < 1e-13)
  }
}
