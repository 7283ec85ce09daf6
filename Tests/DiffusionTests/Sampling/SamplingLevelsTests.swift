import Foundation
import Testing

@testable import Diffusion

@Suite("Levels that sampling visits") struct SamplingLevelsTests {
  let process = try! DiscreteProcess(betas: LinearSchedule().makeBetas())

  private func noise(_ level: NoiseLevel) -> Double { level.sigma / level.alpha }

  @Test(arguments: ["trailing", "leading", "leading+1", "linspace", "quadratic", "10,5", "ddim20", "at:999,500,0"])
  func wholeStepsAreThoseOfTheTablesInReverseAndThenTheCleanImage(text: String) throws {
    let spacing = try Spacing(text)
    let levels = try process.samplingLevels(spacing, steps: spacing.count ?? 20)
    let timesteps = try spacing.timesteps(of: 1000, steps: spacing.count ?? 20)
    #expect(levels == process.levels(timesteps.reversed()) + [.clean])
  }

  @Test func withoutASpacingOfItsOwnEveryStepIsVisited() throws {
    #expect(try process.samplingLevels(.trailing) == process.samplingLevels)
  }

  @Test(arguments: ["karras", "exponential", "polyexponential", "polyexponential:rho=2", "karras:rho=3"])
  func aGridBeginsAndEndsAtTheLevelsOfTheTablesAndDescends(text: String) throws {
    let levels = try process.samplingLevels(Spacing(text), steps: 12)
    #expect(levels.count == 13)
    #expect(levels[0] == process.level(999) && levels[11] == process.level(0) && levels[12] == .clean)
    #expect(zip(levels, levels.dropFirst()).allSatisfy { $0.isNoisier(than: $1) && $0.timestep >= $1.timestep })
    for level in levels { #expect(abs(level.alpha * level.alpha + level.sigma * level.sigma - 1) < 1e-14) }
  }

  /// k-diffusion's formulas at the middle of three: ((√a + √b) / 2)² for ρ = 2, √(ab), and b (a / b)^(1/4) for ρ = 2.
  @Test func theMiddleOfThreeIsWhatTheFormulasSay() throws {
    let a = noise(process.level(999)), b = noise(process.level(0))
    let middle = { (text: String) in noise(try process.samplingLevels(Spacing(text), steps: 3)[1]) }
    #expect(abs(try middle("karras:rho=2") / pow((a.squareRoot() + b.squareRoot()) / 2, 2) - 1) < 1e-12)
    #expect(abs(try middle("exponential") / (a * b).squareRoot() - 1) < 1e-12)
    #expect(abs(try middle("polyexponential:rho=2") / (b * pow(a / b, 0.25)) - 1) < 1e-12)
  }

  /// Between steps 1 and 2 of three, half way in λ.
  @Test func betweenTwoStepsTheTimestepIsAFraction() throws {
    let process = try DiscreteProcess(alphaBar: [0.9, 0.8, 0.5, 0.2])
    let levels = try process.samplingLevels(.grid(SigmaGrid(.exponential, sigmaMin: 0.5, sigmaMax: 1)), steps: 3)
    #expect(abs(levels[0].timestep - 2) < 1e-12 && abs(levels[1].timestep - 1.5) < 1e-12 && abs(levels[2].timestep - 1) < 1e-12)
    #expect(abs(noise(levels[1]) - 0.5.squareRoot()) < 1e-12)
  }

  @Test func aGridMayBeNarrowerThanTheProcessButNotWider() throws {
    let levels = try process.samplingLevels(Spacing("karras:sigma_min=0.1,sigma_max=20"), steps: 5)
    #expect(abs(noise(levels[0]) - 20) < 1e-9 && abs(noise(levels[4]) - 0.1) < 1e-12)
    let error = #expect(throws: DiffusionError.self) { try process.samplingLevels(Spacing("karras:sigma_min=0.1,sigma_max=200"), steps: 5) }
    #expect(error.map { "\($0)".hasSuffix("the nearest possible is karras:sigma_min=0.1") } == true, "\(error.map { "\($0)" } ?? "-")")
  }

  @Test(arguments: ["karras", "exponential"]) func fromPureNoiseAGridGoesOnAtTheNoisiestLevelWithASignal(text: String) throws {
    let process = try zeroTerminalProcess()
    let levels = try process.samplingLevels(Spacing(text), steps: 6)
    #expect(levels.count == 7)
    #expect(levels[0] == process.level(49) && levels[1] == process.level(48) && levels[5] == process.level(0))
    #expect(try process.samplingLevels(Spacing(text), steps: 1) == [process.level(49), .clean])
  }

  @Test func samplingMayEndAtTheLeastNoiseOfTraining() throws {
    #expect(try process.samplingLevels(.trailing, steps: 2, final: .sigmaMin) == process.levels([999, 499, 0]))
    // Where a spacing ends there, there is nothing to add.
    #expect(try process.samplingLevels(.linspace, steps: 3, final: .sigmaMin) == process.levels([999, 500, 0]))
    #expect(try process.samplingLevels(.karras, steps: 4, final: .sigmaMin).count == 4)
  }

  @Test func levelsThatDoNotDescendAreRefused() throws {
    #expect(throws: DiffusionError.levelsDoNotDescend(spacing: "at:0", index: 1)) {
      try process.samplingLevels(.at([0]), final: .sigmaMin)
    }
    // ᾱ in float32 no longer changes by so small betas.
    let flat = try DiscreteProcess(betas: [Float(0.45)] + Array(repeating: 6e-8, count: 20))
    #expect(throws: DiffusionError.self) { try flat.samplingLevels(.trailing) }
    #expect(throws: DiffusionError.self) { try process.samplingLevels(.karras, steps: 0) }
  }

  @Test func aRespacedProcessNeedsWholeSteps() throws {
    let error = #expect(throws: DiffusionError.liesBetweenTimesteps(spacing: "karras")) { try process.respaced(.karras, steps: 10) }
    #expect(error.map { "\($0)".contains("expected whole ones") } == true)
  }

  /// The step before was once derived as t − T / N, which only some spacings bear out; pairs of levels cannot disagree.
  @Test(arguments: ["leading", "linspace", "trailing", "quadratic"]) func everyLevelIsFollowedByTheNextOfItsList(text: String) throws {
    let timesteps = try Spacing(text).timesteps(of: 1000, steps: 7)
    let levels = try process.samplingLevels(Spacing(text), steps: 7)
    for (index, t) in timesteps.enumerated() {
      let position = 6 - index
      #expect(levels[position] == process.level(t))
      #expect(levels[position + 1] == (index == 0 ? .clean : process.level(timesteps[index - 1])))
    }
  }
}
