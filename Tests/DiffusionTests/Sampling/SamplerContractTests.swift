import Foundation
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Every registered sampler") struct SamplerContractTests {
  static let names = SamplerRegistry.names
  /// Those that can follow the probability-flow ODE.
  static let solvers = SamplerRegistry.all.compactMap { $0.init() as? any Sampler }.filter { $0.order != nil }.map { type(of: $0).name }

  func sampler(_ name: String) throws -> any Sampler { try Choice<SamplerRegistry>(named: name).member }

  func run(
    _ name: String, _ denoiser: some Denoiser, _ levels: [NoiseLevel], images: [Int] = [0, 1], dtype: DType = .float32,
    window: NoiseWindow = .always
  ) throws -> SamplingRun {
    var noise = PerImageNoise(seed: Seed(1), images: images)
    let start = noise.normal([images.count, 2, 4, 4]).to(dtype)
    return try SamplingRun(sampler(name), denoiser: denoiser, levels: levels, start: start, noise: noise, window: window)
  }

  /// Where no noise may be added, a stochastic sampler is a solver too.
  @Test(arguments: solvers) func convergesOnTheGaussianOracleWithItsOrderFromAColdStart(name: String) throws {
    let oracle = GaussianOracle(mean: 0.3)
    let error = { (steps: Int) in
      let run = try run(name, oracle, smoothLevels(steps), dtype: .float64, window: NoiseWindow(untilRemaining: .max))
      let start = run.x, levels = run.levels
      return try distance(run.finish(), oracle.solution(start, from: levels.first!, to: levels.last!))
    }
    let order = try log2(error(160) / error(320))
    let stated = try #require(sampler(name).coldStartOrder)
    #expect(abs(order - Double(stated)) < 0.2, "observed order \(order)")
  }

  @Test(arguments: names) func evaluatesTheDenoiserAsOftenAsStated(name: String) throws {
    let counted = CountingDenoiser(GaussianOracle())
    let run = try run(name, counted, smoothLevels(12))
    var calls: [Int: Int] = [:], before = 0
    while try run.next() != nil {
      calls[counted.calls.count - before, default: 0] += 1
      before = counted.calls.count
    }
    let usual = calls.max { $0.value < $1.value }?.key
    #expect(try usual == type(of: sampler(name)).evaluationsPerStep)
  }

  /// Only σ/α matters: signal and noise may be scaled together.
  @Test(arguments: names) func givesTheSameImagesWhereTheSignalIsNotScaled(name: String) throws {
    let levels = smoothLevels(10), exploding = levels.map(\.exploding)
    let preserving = try run(name, GaussianOracle(mean: 0.3), levels, dtype: .float64)
    var noise = PerImageNoise(seed: Seed(1), images: [0, 1])
    let start = noise.normal([2, 2, 4, 4]).to(.float64) / levels[0].alpha
    let other = try SamplingRun(sampler(name), denoiser: GaussianOracle(mean: 0.3), levels: exploding, start: start, noise: noise)
    #expect(try distance(levels[10].alpha * other.finish(), preserving.finish()) < 1e-11)
  }

  /// As where the last of the process's levels is visited and sampling is asked to end there. UniPC corrects the images meanwhile.
  @Test(arguments: names) func aStepOnTheSpotLeavesTheImagesWhereTheyAre(name: String) throws {
    let levels = smoothLevels(40)
    let run = try run(name, GaussianOracle(), levels + [levels[40], levels[40]])
    for _ in 0..<40 { _ = try run.next() }
    let reached = run.x
    #expect(try distance(run.finish(), reached) < 1e-3)
  }

  @Test(arguments: names, [Parameterization.v, .x0])
  func isFiniteFromPureNoise(name: String, parameterization: Parameterization) throws {
    let process = try zeroTerminalProcess()
    let denoiser = NetworkDenoiser(
      parameterization, noiseLevelRange: process.noiseLevelRange,
      network: GaussianOracle().network(of: process, predicting: parameterization))
    for steps in [1, 2, 10, 50] {
      let levels = try process.respaced(.trailing, steps: steps).samplingLevels
      #expect(levels[0].alpha == 0)
      let images = try run(name, denoiser, levels).finish()
      #expect(try images.isFinite().all().item() == 1)
    }
  }

  @Test(arguments: names) func refusesEpsilonFromPureNoise(name: String) throws {
    let levels = try zeroTerminalProcess().samplingLevels
    let run = try run(name, NetworkDenoiser(.epsilon) { x, _ in x }, levels)
    #expect(throws: TorchFault.self) { try run.next() }
  }

  @Test(arguments: names) func anImageDependsOnItsOwnSeedAndNotOnTheBatch(name: String) throws {
    let levels = try DiscreteProcess(betas: CosineSchedule(steps: 10).makeBetas()).samplingLevels
    let alone = try run(name, GaussianOracle(), levels, images: [3]).finish()
    for images in [[3, 4], [0, 1, 2, 3, 4], Array(0..<16)] {
      let batch = try run(name, GaussianOracle(), levels, images: images).finish()
      // Kernels may round otherwise in another batch: ten steps of 1e-7.
      #expect(try distance(batch.image(images.firstIndex(of: 3)!), alone) < 1e-5)
    }
    #expect(try distance(run(name, GaussianOracle(), levels, images: [4]).finish(), alone) > 0.1)
  }

  @Test(arguments: names) func theSameSeedGivesTheSameBytes(name: String) throws {
    let levels = try DiscreteProcess(betas: CosineSchedule(steps: 10).makeBetas()).samplingLevels
    let bytes = { try run(name, GaussianOracle(), levels).finish().bytes() }
    #expect(try bytes() == bytes())
  }

  @Test(arguments: names) func aFaultOfTheDenoiserIsThrownByTheNextStep(name: String) throws {
    let run = try run(name, BrokenDenoiser(), smoothLevels(3))
    #expect(throws: BrokenDenoiser.fault) { try run.next() }
  }

  /// Data of a single image: whatever is left beside it is noise.
  @Test(arguments: names, [Spacing.trailing, .leading, .linspace]) func leavesNoNoiseBehind(name: String, spacing: Spacing) throws {
    let process = try DiscreteProcess(betas: LinearSchedule().makeBetas())
    let oracle = GaussianOracle(mean: 0.3, variance: 1e-8)
    let images = try run(name, oracle, process.respaced(spacing, steps: 20).samplingLevels).finish()
    #expect(try distance(images, .full(0.3, like: images)) < 1e-3)
  }

  @Test(arguments: names) func theLastStepGivesTheEstimateItself(name: String) throws {
    let levels = try DiscreteProcess(betas: CosineSchedule(steps: 5).makeBetas()).samplingLevels
    let run = try run(name, GaussianOracle(), levels)
    var steps: [SamplingStep] = []
    while let step = try run.next() { steps.append(step) }
    #expect(steps.map(\.index) == [0, 1, 2, 3, 4])
    #expect(steps.allSatisfy { $0.count == 5 })
    #expect(steps.map(\.level) == Array(levels.dropFirst()))
    #expect(try distance(steps[4].x, steps[4].x0) < 1e-7)
    #expect(try run.next() == nil)
  }

  @Test(arguments: names) func keepsChannelsLast(name: String) throws {
    let run = try run(name, GaussianOracle(), smoothLevels(3))
    #expect(try run.finish().isChannelsLast)
  }

  @Test(arguments: names) func isWrittenAndReadAsARecipe(name: String) throws {
    let choice = try Choice<SamplerRegistry>(named: name)
    let again = try JSONDecoder().decode(Choice<SamplerRegistry>.self, from: JSONEncoder().encode(choice))
    #expect(again.type == name)
  }
}
