import RecipeKit
import Tensors
import Testing

@testable import Diffusion

@Suite("Networks that know only whole steps") struct SamplerCompatibilityTests {
  private let process: DiscreteProcess
  init() throws { process = try DiscreteProcess(betas: CosineSchedule().makeBetas()) }

  /// Whether a run comes to its end with a network that predicts previous_x.
  private func arrives(_ sampler: some Sampler, _ levels: [NoiseLevel], _ window: NoiseWindow) -> Bool {
    let denoiser = NetworkDenoiser(.previousX(process), noiseLevelRange: process.noiseLevelRange) { x, _ in 0.9 * x }
    let noise = BatchNoise(Generator(seed: 1))
    return (try? SamplingRun(sampler, denoiser: denoiser, levels: levels, shape: [1, 1, 2, 2], noise: noise, window: window).finish())
      != nil
  }

  /// What is refused would have stopped in the middle, and nothing else is refused.
  @Test(arguments: SamplerRegistry.names, ["", "s_churn: 20", "skip_prk_steps: false"])
  func problemsAreFoundBeforeTheStart(name: String, option: String) throws {
    let type = try #require(SamplerRegistry.all.first { $0.name == name })
    guard let sampler = try? type.init(yaml: option.isEmpty ? "" : "\(option)\n") as? any Sampler else { return }  // has no such option
    for spacing in [Spacing.trailing, .leading, .karras] {
      let levels = try process.samplingLevels(spacing, steps: 6)
      for window in [NoiseWindow.always, NoiseWindow(untilRemaining: 100)] {
        let problem = Parameterization.previousX(process).problem(with: sampler, on: levels, window: window)
        #expect((problem == nil) == arrives(sampler, levels, window), "\(spacing)")
        #expect(Parameterization.v.problem(with: sampler, on: levels, window: window) == nil)
      }
    }
  }

  @Test func theMessageNamesTheSamplersThatServe() throws {
    for steps in [2, 5, 20] {
      let levels = try process.samplingLevels(.trailing, steps: steps)
      let error = try #require(Parameterization.previousX(process).problem(with: DPMSolverPP2S(), on: levels))
      guard case .asksBetweenSteps("dpmpp_2s", 1000, let serving) = error else {
        Issue.record("\(error)")
        return
      }
      let arriving = SamplerRegistry.all.compactMap { $0.init() as? any Sampler }.filter { arrives($0, levels, .always) }
      #expect(serving == arriving.map { type(of: $0).name } && !serving.contains("dpmpp_3s"))
      #expect("\(error)".contains(serving.joined(separator: ", ")))
    }
    let karras = try process.samplingLevels(.karras, steps: 20)
    #expect(Parameterization.previousX(process).problem(with: DDIM(), on: karras) == .visitsBetweenSteps(of: 1000))
  }

  @Test func candidatesAreScoredAtTheStepsOfTheProcess() throws {
    let score = DenoisingScore(stepsOf: process, count: 5)
    let denoiser = NetworkDenoiser(.previousX(process), noiseLevelRange: process.noiseLevelRange) { x, _ in 0.9 * x }
    #expect(try score.errors(of: .ones([2, 1, 2, 2]), denoiser: denoiser).floats().allSatisfy(\.isFinite))
    #expect(DenoisingScore(stepsOf: process, count: 5).levels == score.levels)
    let free = DenoisingScore(process.noiseLevelRange, count: 5)
    for (step, level) in zip(score.levels, free.levels) { #expect(abs(step.lambda - level.lambda) < 0.01) }
  }
}
