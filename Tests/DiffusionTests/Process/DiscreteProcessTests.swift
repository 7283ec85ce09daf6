import Foundation
import Testing

@testable import Diffusion

@Suite("A discrete process") struct DiscreteProcessTests {
  @Test func hasTheTablesOfTheClosedForm() throws {
    let process = try DiscreteProcess(betas: [0.1, 0.5, 0.2])
    let close = { (a: [Double], b: [Double]) in zip(a, b).allSatisfy { abs($0 - $1) < 1e-15 } && a.count == b.count }
    #expect(close(process.alphaBar, [0.9, 0.45, 0.36]))
    #expect(close(process.alphaBarPrevious, [1, 0.9, 0.45]))
    #expect(close(process.alphaBarNext, [0.45, 0.36, 0]))
    // (1 − ᾱ_{t−1}) / (1 − ᾱ_t) β_t
    let posterior = [0, 0.1 / 0.55 * 0.5, 0.55 / 0.64 * 0.2]
    #expect(close(process.posteriorVariance, posterior))
    #expect(close(process.posteriorLogVarianceClipped, [log(posterior[1]), log(posterior[1]), log(posterior[2])]))
    #expect(close(process.fixedLargeVariance, [posterior[1], 0.5, 0.2]))
    #expect(close(process.posteriorMeanX0, [1, 0.5 * 0.9.squareRoot() / 0.55, 0.2 * 0.45.squareRoot() / 0.64]))
    #expect(close(process.posteriorMeanXt, [0, 0.1 * 0.5.squareRoot() / 0.55, 0.55 * 0.8.squareRoot() / 0.64]))
  }

  @Test func mayHaveASingleStep() throws {
    let process = try DiscreteProcess(betas: [0.25])
    #expect(process.posteriorLogVarianceClipped == [log(0.25)])
    #expect(process.fixedLargeVariance == [0.25])
    #expect(process.samplingLevels.count == 2)
  }

  @Test(arguments: [([0.1, 0, 0.1], 1), ([0.1, 1.5], 1), ([-0.1], 0), ([0.1, .nan], 1)])
  func refusesABetaThatIsNoVariance(betas: [Double], index: Int) {
    let error = #expect(throws: DiffusionError.self) { try DiscreteProcess(betas: betas) }
    guard case .betaOutOfRange(index, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func refusesNoBetas() {
    #expect(throws: DiffusionError.noBetas) { try DiscreteProcess(betas: [Double]()) }
  }

  @Test func takesItsCumulativeProductsAsTheyAre() throws {
    let process = try DiscreteProcess(alphaBar: [0.9, 0.45, 0.36], rescaleTimesteps: true)
    #expect(process.alphaBar == [0.9, 0.45, 0.36])
    #expect(zip(process.betas, [0.1, 0.5, 0.2]).allSatisfy { abs($0 - $1) < 1e-15 })
    #expect(process.rescaleTimesteps && process.timestepMap == [0, 1, 2])
    #expect(try process.respaced(keeping: [0, 2]).alphaBar == [0.9, 0.36])
    #expect(try DiscreteProcess(alphaBar: [0.5, 0]).betas == [0.5, 1])
  }

  @Test(arguments: [([1, 0.5], 0), ([0.5, 0.5], 1), ([0.5, -0.1], 1), ([0.5, 0, 0], 2), ([.nan], 0)])
  func refusesCumulativeProductsThatDoNotDescend(alphaBar: [Double], index: Int) {
    let error = #expect(throws: DiffusionError.self) { try DiscreteProcess(alphaBar: alphaBar) }
    guard case .alphaBarDoesNotDescend(index, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func refusesABetaThatIsNothingInItsArithmetic() throws {
    #expect(throws: DiffusionError.betaVanishes(index: 1, value: 1e-17)) { try DiscreteProcess(betas: [0.1, 1e-17]) }
    #expect(throws: DiffusionError.self) { try DiscreteProcess(betas: [Float(1e-8)]) }
    _ = try DiscreteProcess(betas: [1e-8])
  }

  @Test func betasInFloat32GiveProductsRoundedToIt() throws {
    let process = try DiscreteProcess(betas: [Float(0.1), 0.2, 0.3])
    let a = Double(1 - Float(0.1)), b = Double(1 - Float(0.2))
    #expect(process.alphaBar[0] == a)
    #expect(process.alphaBar[1] == Double(Float(a * b)))
    #expect(process.alphaBar.allSatisfy { Double(Float($0)) == $0 })
  }

  @Test func endsInPureNoiseWithALastBetaOfOne() throws {
    let process = try DiscreteProcess(betas: [0.5, 1])
    #expect(process.level(1).alpha == 0)
    #expect(process.level(1).sigma == 1)
    #expect(process.level(1).lambda == -.infinity)
    let tables = [process.posteriorMeanX0, process.posteriorMeanXt, process.posteriorVariance]
    #expect(tables.joined().allSatisfy { $0.isFinite })
  }

  @Test func aLevelPreservesVariance() throws {
    let process = try DiscreteProcess(betas: LinearSchedule().makeBetas())
    for level in process.samplingLevels { #expect(abs(level.alpha * level.alpha + level.sigma * level.sigma - 1) < 1e-15) }
    #expect(process.samplingLevels.last == .clean)
    #expect(process.samplingLevels.first == process.level(999))
    #expect(NoiseLevel.clean.lambda == .infinity)
  }

  @Test func respacedVisitsTheSameLevelsWithTheOriginalTimesteps() throws {
    let process = try DiscreteProcess(betas: LinearSchedule(steps: 100).makeBetas())
    let spaced = try process.respaced(keeping: [3, 10, 99])
    for (index, original) in [3, 10, 99].enumerated() {
      #expect(abs(spaced.level(index).alpha - process.level(original).alpha) < 1e-14)
      #expect(spaced.level(index).timestep == Double(original))
    }
    let again = try spaced.respaced(keeping: [0, 2])
    #expect(again.timestepMap == [3, 99])
    #expect(again.originalSteps == 100)
  }

  @Test func rescaledStepsAreThoseOfAThousandInFloat32() throws {
    let process = try DiscreteProcess(betas: LinearSchedule(steps: 300).makeBetas(), rescaleTimesteps: true)
    #expect(process.level(7).timestep == Double(Float(7) * Float(1000.0 / 300)))
    #expect(try process.respaced(keeping: [7]).level(0).timestep == process.level(7).timestep)
  }

  @Test(arguments: [[], [3, 2], [1, 1], [-1, 4], [4, 10]]) func refusesToKeepStepsThatItDoesNotHave(kept: [Int]) throws {
    let process = try DiscreteProcess(betas: Array(repeating: 0.1, count: 10))
    #expect(throws: DiffusionError.impossibleTimesteps(kept, total: 10)) { try process.respaced(keeping: kept) }
  }

  /// On the steps the scale gives the process's own levels; between two of them a fraction; outside the ends.
  @Test func theNoiseLevelRangeGoesThroughTheStepsAndBetweenThem() throws {
    let process = try DiscreteProcess(betas: LinearSchedule().makeBetas(), rescaleTimesteps: true)
    let scale = process.noiseLevelRange
    for t in [0, 1, 500, 998, 999] {
      let want = process.level(t), got = scale.level(lambda: want.lambda)
      #expect(abs(got.alpha - want.alpha) < 1e-12 && abs(got.sigma - want.sigma) < 1e-12 && abs(got.timestep - want.timestep) < 1e-6)
    }
    let between = scale.level(lambda: (process.level(10).lambda + process.level(11).lambda) / 2)
    #expect(abs(between.timestep - 10.5) < 1e-9)
    #expect(abs(between.alpha * between.alpha + between.sigma * between.sigma - 1) < 1e-14)
    #expect(scale.level(lambda: 100).timestep == 0 && scale.level(lambda: -100).timestep == 999)
  }

  @Test func theNoiseLevelRangeLeavesOutPureNoise() throws {
    let process = try zeroTerminalProcess()
    #expect(process.noiseLevelRange.range.lowerBound == process.level(48).lambda)
    #expect(try DiscreteProcess(betas: [1]).noiseLevelRange.level(lambda: 0).alpha == 0)
  }
}
