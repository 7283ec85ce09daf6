import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Denoisers") struct DenoiserTests {
  let process = try! DiscreteProcess(betas: CosineSchedule(steps: 20).makeBetas())
  let x0 = Tensor.randn([3, 2, 4, 4], dtype: .float64, using: Generator(seed: 1))
  let noise = Tensor.randn([3, 2, 4, 4], dtype: .float64, using: Generator(seed: 2))

  @Test(arguments: Parameterization.Name.allCases, [[4], [0, 9, 18]])
  func theTargetOfATrainingStepGivesBackImageAndNoise(name: Parameterization.Name, timesteps: [Int]) throws {
    let parameterization = name.parameterization(in: process)
    let levels = process.levels(timesteps)
    let xt = qSample(x0, at: levels, noise: noise)
    let target = parameterization.target(x0: x0, noise: noise, at: levels)
    let (image, epsilon) = parameterization.estimates(from: target, x: xt, at: levels)
    // At step 18 epsilon prediction divides by a signal of 0.07, and previous x by a step of 0.05, which multiplies rounding.
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

  @Test func theNetworkIsGivenATimestepForEveryImage() throws {
    var given: [[Float]] = []
    let denoiser = NetworkDenoiser(.v) { x, timesteps in
      given.append((try? timesteps.floats()) ?? [])
      return x
    }
    _ = denoiser.predict(x0, at: process.level(7))
    _ = denoiser.predict(x0, at: process.levels([1, 5, 9]))
    #expect(given == [[7, 7, 7], [1, 5, 9]])
  }

  @Test func learnedRangeGoesFromTheSmallVarianceToTheLarge() throws {
    let network: DenoisingNetwork = { x, _ in .cat([x, .full(-1, like: x).slice(1, 0..<1), .full(1, like: x).slice(1, 0..<1)], dim: 1) }
    let p = NetworkDenoiser(.x0, variance: .learnedRange, network: network).predict(x0, at: process.level(3))
    #expect(try distance(p.x0, x0) == 0)
    let bounds = VarianceBounds(posterior: 0, clippedPosterior: 0.1, beta: 0.5, large: 0.4)
    let logVariance = p.variance.logVariance(within: [bounds], like: x0)
    #expect(try distance(logVariance.narrow(1, 0, 1), .full(log(0.1), [1], dtype: .float64)) < 1e-15)
    #expect(try distance(logVariance.narrow(1, 1, 1), .full(log(0.5), [1], dtype: .float64)) < 1e-15)
    #expect(Variance.learnedRange.outputChannels(images: 3) == 6)
    #expect(Variance.fixedSmall.outputChannels(images: 3) == 3)
  }

  @Test func aLearnedVarianceIsTheNetworksSecondHalf() throws {
    let p = NetworkDenoiser(.x0, variance: .learned) { x, _ in .cat([x, x - 3], dim: 1) }.predict(x0, at: process.level(3))
    let logVariance = p.variance.logVariance(within: [process.varianceBounds(3)], like: x0)
    #expect(try distance(p.x0, x0) == 0)
    #expect(try distance(logVariance, x0 - 3) == 0)
    #expect(Variance.learned.outputChannels(images: 3) == 6)
  }

  @Test func anOddNumberOfChannelsCannotBeSplit() {
    let p = NetworkDenoiser(.x0, variance: .learnedRange) { x, _ in x.slice(1, 0..<1) }.predict(x0, at: process.level(3))
    #expect(p.x0.fault?.operation == "chunk")
  }

  // MARK: Previous x

  @Test func previousXIsTheMeanOfThePosterior() throws {
    for timesteps in [[0], [7], [0, 9, 18]] {
      let levels = process.levels(timesteps)
      let target = Parameterization.previousX(process).target(x0: x0, noise: noise, at: levels)
      let posterior = process.posterior(x0: x0, xt: qSample(x0, at: levels, noise: noise), at: timesteps)
      #expect(try distance(target, posterior.mean) < 1e-13)
    }
  }

  /// Of all steps or of some: what a network was trained to say belongs to the process of its training.
  @Test func aNetworkThatPredictsPreviousXGivesTheSameImageWhateverStepsAreVisited() throws {
    let oracle = GaussianOracle(mean: 0.3)
    let parameterization = Parameterization.previousX(process)
    let denoiser = NetworkDenoiser(parameterization, network: oracle.network(of: process, predicting: parameterization))
    for level in try process.levels([0, 11, 18]) + process.respaced(keeping: [2, 9]).levels([0, 1]) {
      let p = denoiser.predict(x0, at: level), want = oracle.predict(x0, at: level)
      #expect(try distance(p.x0, want.x0) < 1e-12)
      #expect(try distance(p.epsilon, want.epsilon) < 1e-12)
    }
  }

  @Test func previousXIsRefusedBetweenTwoSteps() {
    let between = process.noiseLevelRange.level(lambda: (process.level(4).lambda + process.level(5).lambda) / 2)
    let p = NetworkDenoiser(.previousX(process)) { x, _ in x }.predict(x0, at: between)
    #expect(p.x0.fault?.message.contains("only the 20 steps of its process") == true)
    #expect(Parameterization.previousX(process).target(x0: x0, noise: noise, at: [between]).fault != nil)
  }

  @Test func everyStepIsFoundByItsLevelAndNothingElseIs() throws {
    let long = try DiscreteProcess(betas: CosineSchedule(steps: 4000).makeBetas())
    let again = try long.respaced(keeping: Array(0..<4000))
    for step in [0, 1, 2, 1999, 3998, 3999] { #expect(long.step(at: again.level(step)) == step) }
    #expect(long.step(at: .clean) == nil)
    #expect(long.step(at: long.noiseLevelRange.level(lambda: 0.1)) == nil)
  }

  // MARK: EDM

  /// Karras et al. 2022 write x = x₀ + σ n; here the network is made in their coordinates, from their table 1.
  @Test func edmsPreconditioningIsThatOfItsPaper() throws {
    let oracle = GaussianOracle(mean: 0.2, variance: 0.3), sigmaData = 0.4
    let network: DenoisingNetwork = { input, given in
      let sigma = (given.to(.float64) * (4 / 1000.0)).exp().reshape(-1, 1, 1, 1)
      let total = sigma.square() + sigmaData * sigmaData
      let theirs = input * total.sqrt()
      let denoised = oracle.mean + (oracle.variance / (oracle.variance + sigma.square())) * (theirs - oracle.mean)
      let skip = sigmaData * sigmaData / total, out = sigma * sigmaData / total.sqrt()
      return (denoised - skip * theirs) / out
    }
    let denoiser = NetworkDenoiser(.edm(sigmaData: sigmaData), network: network)
    for timesteps in [[0], [12], [1, 10, 18]] {
      let levels = process.levels(timesteps)
      let p = denoiser.predict(x0, at: levels), want = oracle.predict(x0, at: levels)
      // The network is given its noise in float32.
      #expect(try distance(p.x0, want.x0) < 1e-5)
      #expect(try distance(levels.column(\.sigma, like: x0) * (p.epsilon - want.epsilon), .zeros(like: x0)) < 1e-5)
    }
  }

  /// Of data of deviation σ_data: nothing is missing, and both the input and the target have unit variance.
  @Test func edmsNetworkPredictsZeroForNormalDataOfThatDeviation() throws {
    let oracle = GaussianOracle(variance: 0.49)
    let silent = NetworkDenoiser(.edm(sigmaData: 0.7)) { x, _ in .zeros(like: x) }
    #expect(try distance(silent.predict(x0, at: process.level(9)).x0, oracle.predict(x0, at: process.level(9)).x0) < 1e-13)
    let n = 200_000
    let data = 0.7 * Tensor.randn([n, 1], dtype: .float64, using: Generator(seed: 5))
    let epsilon = Tensor.randn([n, 1], dtype: .float64, using: Generator(seed: 6))
    let level = process.level(9)
    var shown = Tensor.zeros([1])
    _ = Parameterization.edm(sigmaData: 0.7).ask(
      { x, _ in
        shown = x
        return x
      }, qSample(data, at: [level], noise: epsilon), at: [level])
    let target = Parameterization.edm(sigmaData: 0.7).target(x0: data, noise: epsilon, at: [level])
    // Four standard errors.
    for x in [shown, target] { #expect(try abs(x.variance().item() - 1) < 4 * (2 / Double(n)).squareRoot()) }
  }

  @Test func edmIsConditionedOnTheNoiseAndRefusedWhereThatIsInfinite() throws {
    var given: [Float] = []
    let denoiser = NetworkDenoiser(.edm(sigmaData: 0.5)) { x, timesteps in
      given = (try? timesteps.floats()) ?? []
      return x
    }
    _ = denoiser.predict(x0, at: NoiseLevel(alpha: 0.6, sigma: 0.8, timestep: 7))
    #expect(given == Array(repeating: Float(250 * log(0.8 / 0.6)), count: 3))
    let refused = denoiser.predict(x0, at: NoiseLevel(alpha: 0, sigma: 1, timestep: 7))
    #expect(refused.x0.fault?.message.contains("expected one that predicts v or x0") == true)
  }
}
