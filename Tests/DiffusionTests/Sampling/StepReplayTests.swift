import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Steps on parts of a picture") struct StepReplayTests {
  /// Every registered sampler, and options that change what is evaluated or remembered.
  static let samplers: [any Sampler] = {
    var churned = Euler(), late = Euler(), karras = EDMSampler(), classic = PNDM(), high = UniPC(), noisy = DDIM()
    (churned.sChurn, late.sChurn, karras.sChurn) = (2, 2, 2)
    (late.churnOrder, classic.skipPrkSteps, high.solverOrder, noisy.eta) = (.modelFirst, false, 3, 1)
    return SamplerRegistry.all.compactMap { $0.init() as? any Sampler } + [churned, late, karras, classic, high, noisy]
  }()

  static let processes = [
    "parameterization: v\nrescale_betas_zero_snr: true", "parameterization: epsilon\nvariance: learned_range",
    "parameterization: x0\nvariance: learned", "parameterization: epsilon\nvariance: fixed_large",
  ]

  /// A network whose output depends on the pixel alone.
  private static func network(_ diffusion: GaussianDiffusion) -> DenoisingNetwork {
    { x, timesteps in
      let y = (0.7 * x + 0.2).sin() + (0.001 * timesteps).reshape(-1, 1, 1, 1)
      return diffusion.variance.isLearned ? .cat([y, 0.3 * x - 1], dim: 1) : y
    }
  }

  private static func path(_ sampler: some Sampler, _ diffusion: GaussianDiffusion, _ steps: Int) throws -> StepReplay {
    let levels = try diffusion.process.samplingLevels(.trailing, steps: steps)
    return StepReplay(sampler, levels: levels, scale: diffusion.process.noiseLevelRange)
  }

  /// The whole run on a part, evaluation by evaluation.
  private func replayed(
    _ replay: StepReplay, _ planes: PredictionPlanes, _ denoiser: some Denoiser, rows: Range<Int>, columns: Range<Int>
  ) throws -> Tensor {
    var noise = PositionalNoise(seed: Seed(3), rows: rows, columns: columns)
    var x = noise.normal([1, 2, rows.count, columns.count]), memory: [Tensor] = []
    for index in replay.needs.indices {
      var answers: [Tensor] = []
      step: while true {
        noise = PositionalNoise(seed: Seed(3), rows: rows, columns: columns, step: index + 1)
        switch replay.step(index, x, memory: memory, answers: answers, planes: planes, noise: noise) {
        case .asks(let state):
          let level = replay.needs[index].levels[answers.count]
          answers.append(planes.stacked(denoiser.predict(state, at: level)))
        case .ended(let transition, let tensors):
          (x, memory) = (try transition.x.validated(), tensors)
          break step
        }
      }
      #expect(answers.count == replay.needs[index].levels.count)
    }
    return x
  }

  @Test(arguments: samplers.indices, processes) func giveWhatTheWholeRunGives(sampler: Int, process: String) throws {
    let sampler = Self.samplers[sampler], diffusion = try ProcessRecipe(yaml: process).makeDiffusion()
    let denoiser = diffusion.denoiser(Self.network(diffusion)).clipped(to: -2...2)
    let replay = try Self.path(sampler, diffusion, 6), planes = PredictionPlanes(diffusion, epsilonIsOwn: false)
    let run = SamplingRun(
      sampler, denoiser: denoiser, levels: replay.levels, shape: [1, 2, 6, 5],
      noise: PositionalNoise(seed: Seed(3), rows: 0..<6, columns: 0..<5))
    let whole = try run.finish()
    for rows in [0..<2, 2..<6] {
      let part = try replayed(replay, planes, denoiser, rows: rows, columns: 0..<5)
      // ε is derived once more, in float32, from images that clipping keeps within 2.
      #expect(try (part - whole.narrow(2, rows.lowerBound, rows.count)).abs().max().item() < 2e-4, "\(type(of: sampler).name)")
    }
  }

  @Test func keepAnEpsilonThatDoesNotFollowFromX0() throws {
    let diffusion = try ProcessRecipe(yaml: "parameterization: v").makeDiffusion()
    let denoiser = diffusion.denoiser(Self.network(diffusion)).clipped(to: -0.5...0.5, useClippedModelOutput: false)
    let replay = try Self.path(DDIM(), diffusion, 4)
    let run = SamplingRun(
      DDIM(), denoiser: denoiser, levels: replay.levels, shape: [1, 2, 3, 5],
      noise: PositionalNoise(seed: Seed(3), rows: 0..<3, columns: 0..<5))
    let whole = try run.finish()
    for (epsilonIsOwn, isEqual) in [(true, true), (false, false)] {
      let planes = PredictionPlanes(diffusion, epsilonIsOwn: epsilonIsOwn)
      let part = try replayed(replay, planes, denoiser, rows: 0..<3, columns: 0..<5)
      #expect(try ((part - whole).abs().max().item() < 1e-5) == isEqual)
    }
  }

  @Test func keepTheMeanThatANetworkPredictsItself() throws {
    let diffusion = try ProcessRecipe(yaml: "parameterization: previous_x\nschedule: { type: cosine, steps: 5 }").makeDiffusion()
    let denoiser = diffusion.denoiser { x, _ in (0.7 * x + 0.2).sin() }.clipped()
    let replay = StepReplay(DDPM(), levels: diffusion.process.samplingLevels, scale: diffusion.process.noiseLevelRange)
    let whole = try SamplingRun(
      DDPM(), denoiser: denoiser, levels: replay.levels, shape: [1, 2, 3, 5],
      noise: PositionalNoise(seed: Seed(3), rows: 0..<3, columns: 0..<5)
    ).finish()
    let part = try replayed(replay, PredictionPlanes(diffusion, epsilonIsOwn: false), denoiser, rows: 0..<3, columns: 0..<5)
    #expect(try (part - whole).abs().max().item() < 1e-6)
  }

  @Test func tellBeforehandWhatEachStepNeeds() throws {
    let diffusion = try ProcessRecipe(yaml: "parameterization: v\nrescale_betas_zero_snr: true").makeDiffusion()
    let second = try Self.path(DPMSolverPP2M(), diffusion, 3), heun = try Self.path(Heun(), diffusion, 3)
    #expect(second.needs.map(\.remembered) == [0, 1, 1])
    #expect(second.needs.map(\.levels.count) == [1, 1, 1])
    // Out of pure noise and to the picture it takes Euler's step.
    #expect(heun.needs.map(\.levels.count) == [1, 2, 1])
    var churned = EDMSampler()
    churned.sChurn = 2
    #expect(try Self.path(churned, diffusion, 3).needs.map(\.startsAtImages) == [true, false, false])
  }
}
