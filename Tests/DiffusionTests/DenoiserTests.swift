import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Denoisers") struct DenoiserTests {
  let process = try! DiscreteProcess(betas: CosineSchedule(steps: 20).makeBetas())
  let x0 = Tensor.randn([3, 2, 4, 4], dtype: .float64, using: Generator(seed: 1))
  let noise = Tensor.randn([3, 2, 4, 4], dtype: .float64, using: Generator(seed: 2))

  @Test(arguments: Parameterization.allCases, [[4], [0, 9, 18]])
  func theTargetOfATrainingStepGivesBackImageAndNoise(parameterization: Parameterization, timesteps: [Int]) throws {
    let levels = process.levels(timesteps)
    let xt = qSample(x0, at: levels, noise: noise)
    let target = parameterization.target(x0: x0, noise: noise, at: levels)
    let (image, epsilon) = parameterization.estimates(from: target, x: xt, at: levels)
    // At step 18 epsilon prediction divides by a signal of 0.07, which multiplies rounding.
    #expect(try distance(image, x0) < 1e-13)
    #expect(try distance(epsilon, noise) < 1e-13)
  }

  @Test func withoutSignalVAndX0AreFiniteAndEpsilonIsRefused() throws {
    let pure = [NoiseLevel(alpha: 0, sigma: 1, timestep: 999)]
    for parameterization in [Parameterization.v, .x0] {
      let target = parameterization.target(x0: x0, noise: noise, at: pure)
      let (image, epsilon) = parameterization.estimates(from: target, x: noise, at: pure)
      #expect(try distance(image, x0) == 0)
      #expect(try distance(epsilon, noise) == 0)
    }
    let refused = Parameterization.epsilon.estimates(from: noise, x: noise, at: pure)
    #expect(refused.x0.fault?.message.contains("expected a network that predicts v or x0") == true)
    #expect(refused.epsilon.fault != nil)
  }

  @Test func levelsThatAreNeitherOneNorOneForEachImageAreRefused() {
    let faulty = qSample(x0, at: process.levels([1, 2]), noise: noise)
    #expect(faulty.fault?.message == "2 noise levels for 3 images; expected one for all or one for each")
  }

  @Test func theNetworkIsToldATimestepForEveryImage() throws {
    var told: [[Float]] = []
    let denoiser = NetworkDenoiser(.v) { x, timesteps in
      told.append((try? timesteps.floats()) ?? [])
      return x
    }
    _ = denoiser.predict(x0, at: process.level(7))
    _ = denoiser.predict(x0, at: process.levels([1, 5, 9]))
    #expect(told == [[7, 7, 7], [1, 5, 9]])
  }

  @Test func clippingKeepsTheImageInRangeAndDerivesTheNoiseAnew() throws {
    let level = process.level(10)
    let wild = NetworkDenoiser(.x0) { x, _ in 5 * x }
    let clipped = wild.clipped().predict(x0, at: level)
    #expect(try clipped.x0.abs().max().item() == 1)
    #expect(try distance(level.alpha * clipped.x0 + level.sigma * clipped.epsilon, x0) < 1e-13)
    let inside = wild.clipped(to: -1000...1000).predict(x0, at: level)
    #expect(try distance(inside.epsilon, wild.predict(x0, at: level).epsilon) < 1e-13)
  }

  @Test func learnedRangeGoesFromTheSmallVarianceToTheLarge() throws {
    let network: DenoisingNetwork = { x, _ in .cat([x, .full(-1, like: x).slice(1, 0..<1), .full(1, like: x).slice(1, 0..<1)], dim: 1) }
    let p = NetworkDenoiser(.x0, variance: .learnedRange, network: network).predict(x0, at: process.level(3))
    #expect(try distance(p.x0, x0) == 0)
    let logVariance = p.variance.logVariance(beta: 0.5, posterior: 0.1, like: x0)
    #expect(try distance(logVariance.narrow(1, 0, 1), .full(log(0.1), [1], dtype: .float64)) < 1e-15)
    #expect(try distance(logVariance.narrow(1, 1, 1), .full(log(0.5), [1], dtype: .float64)) < 1e-15)
    #expect(Variance.learnedRange.outputChannels(images: 3) == 6)
    #expect(Variance.fixedSmall.outputChannels(images: 3) == 3)
  }

  @Test func anOddNumberOfChannelsCannotBeSplit() {
    let p = NetworkDenoiser(.x0, variance: .learnedRange) { x, _ in x.slice(1, 0..<1) }.predict(x0, at: process.level(3))
    #expect(p.x0.fault?.operation == "chunk")
  }
}

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

  @Test func eachImageMayHaveALevelOfItsOwn() throws {
    let levels = [level, NoiseLevel(alpha: 0.8, sigma: 0.6, timestep: 2)]
    let p = guidance(scale: 2) { _ in }.predict(x, at: levels)
    let again = guidance(scale: 2) { _ in }.predict(x, at: levels[1])
    #expect(try distance(p.epsilon.image(1), again.epsilon.image(1)) < 1e-13)
  }
}
