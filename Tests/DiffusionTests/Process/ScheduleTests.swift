import Foundation
import RecipeKit
import Testing

@testable import Diffusion

@Suite("Schedules") struct ScheduleTests {
  @Test func linearRunsFromOneEndToTheOther() throws {
    let betas = try LinearSchedule(steps: 1000).makeBetas()
    #expect(betas.count == 1000)
    #expect(betas.first == 1e-4)
    #expect(betas.last == 0.02)
    #expect(abs(betas[500] - (1e-4 + 0.0199 * 500 / 999)) < 1e-17)
  }

  @Test func linearAddsAsMuchNoiseInFewerSteps() throws {
    let betas = try LinearSchedule(steps: 100).makeBetas()
    #expect(abs(betas.first! - 1e-3) < 1e-17)
    #expect(abs(betas.last! - 0.2) < 1e-15)
  }

  @Test(arguments: [19, 1, 0, -5]) func linearRefusesFewerThanTwentySteps(steps: Int) {
    #expect(throws: DiffusionError.linearScheduleTooShort(steps: steps)) { try LinearSchedule(steps: steps).makeBetas() }
    #expect("\(DiffusionError.linearScheduleTooShort(steps: 19))".contains("expected 20 steps or more"))
  }

  @Test func linearTakesTwentySteps() throws {
    #expect(try LinearSchedule(steps: 20).makeBetas().last == 1)
  }

  @Test func linearKeepsTheEndsThatAreGivenWhateverItsLength() throws {
    let betas = try LinearSchedule(steps: 5, betaStart: 0.1, betaEnd: 0.5).makeBetas()
    #expect(zip(betas, [0.1, 0.2, 0.3, 0.4, 0.5]).allSatisfy { abs($0 - $1) < 1e-16 } && betas.count == 5)
    #expect(try LinearSchedule(steps: 100, betaEnd: 0.02).makeBetas().first == LinearSchedule(steps: 100).makeBetas().first)
    #expect(try LinearSchedule(steps: 1, betaStart: 0.1, betaEnd: 0.5).makeBetas() == [0.1])
    #expect(throws: DiffusionError.stepsOutOfRange(0)) { try LinearSchedule(steps: 0, betaEnd: 0.1).makeBetas() }
  }

  @Test func scaledLinearIsLinearInTheRoots() throws {
    let betas = try ScaledLinearSchedule(steps: 5, betaStart: 0.01, betaEnd: 0.25).makeBetas()
    #expect(zip(betas, [0.1, 0.2, 0.3, 0.4, 0.5]).allSatisfy { abs($0 - $1 * $1) < 1e-16 } && betas.count == 5)
  }

  /// 1 / (1 + e⁶), 1 / (1 + e³) and 1 / 2 of the way, and the same from the other end.
  @Test func sigmoidIsSymmetricAboutItsMiddle() throws {
    let betas = try SigmoidSchedule(steps: 5, betaStart: 0.1, betaEnd: 0.3).makeBetas()
    let parts = [0.0024726231566347743, 0.04742587317756678, 0.5, 0.9525741268224334, 0.9975273768433653]
    #expect(zip(betas, parts).allSatisfy { abs($0 - (0.1 + 0.2 * $1)) < 1e-15 } && betas.count == 5)
  }

  @Test func constantStaysTheSame() throws {
    #expect(try ConstantSchedule(steps: 3, beta: 0.2).makeBetas() == [0.2, 0.2, 0.2])
  }

  @Test func squaredcosIsTheCosine() throws {
    #expect(try SquaredCosineSchedule(steps: 50).makeBetas() == CosineSchedule(steps: 50).makeBetas())
  }

  /// With ρ = 1 the grid is even: σ = 0.5, 1, 1.5, 2 and ᾱ = 1 / (1 + σ²).
  @Test func edmHasTheNoiseOfItsGridBesideASignalOfOne() throws {
    var schedule = EDMSchedule(steps: 4)
    (schedule.sigmaMin, schedule.sigmaMax, schedule.rho) = (0.5, 2, 1)
    let process = try DiscreteProcess(betas: schedule.makeBetas())
    #expect(zip(process.alphaBar, [0.8, 0.5, 1 / 3.25, 0.2]).allSatisfy { abs($0 - $1) < 1e-15 })
    let whole = try DiscreteProcess(betas: EDMSchedule().makeBetas())
    let ends = [whole.level(0), whole.level(999)].map { $0.sigma / $0.alpha }
    #expect(abs(ends[0] / 0.002 - 1) < 1e-9 && abs(ends[1] / 80 - 1) < 1e-9)
  }

  @Test(arguments: ScheduleRegistry.names.filter { $0 != "given" }) func everyScheduleRisesOrStaysAndRefusesNoSteps(name: String) throws {
    let process = try ProcessRecipe(yaml: "schedule: { type: \(name), steps: 40 }").makeDiffusion().process
    #expect(process.steps == 40)
    #expect(process.alphaBar.allSatisfy { $0.isFinite } && process.posteriorLogVarianceClipped.allSatisfy { $0.isFinite })
    #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: "schedule: { type: \(name), steps: 0 }") }
  }

  @Test(arguments: ScheduleRegistry.names.filter { $0 != "given" }, [100_001, 100_000_000, 1 << 31 - 1, .max])
  func aNumberOfStepsBeyondTheLimitIsRefusedBeforeAnythingIsMade(name: String, steps: Int) throws {
    let error = #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: "schedule: { type: \(name), steps: \(steps) }") }
    #expect(error?.path == "schedule.steps" && error?.message.contains("1 to 100000") == true, "\(error.map { "\($0)" } ?? "-")")
    let type = try #require(ScheduleRegistry.all.first { $0.name == name })
    var recipe = ProcessRecipe()
    // A recipe that nothing has validated, as other systems' configurations give it.
    recipe.schedule = Choice(try JSONDecoder().decode(type, from: JSONEncoder().encode(type.init()).replacingSteps(by: steps)))
    #expect(throws: DiffusionError.stepsOutOfRange(steps)) { try recipe.makeDiffusion() }
  }

  @Test func theLongestProcessIsMade() throws {
    #expect(try ProcessRecipe(yaml: "schedule: { type: cosine, steps: 100000 }").makeDiffusion().process.steps == 100_000)
    #expect(throws: DiffusionError.stepsOutOfRange(100_001)) { try DiscreteProcess(betas: Array(repeating: 0.001, count: 100_001)) }
  }

  /// The product of 1 − β telescopes to the squared cosine, as long as no β was cut.
  @Test(arguments: [10, 1000]) func cosineSignalIsASquaredCosine(steps: Int) throws {
    let process = try DiscreteProcess(betas: CosineSchedule(steps: steps).makeBetas())
    let signal = { (u: Double) in pow(cos((u + 0.008) / 1.008 * .pi / 2), 2) }
    for t in [0, steps / 2, steps - 2] {
      #expect(abs(process.alphaBar[t] - signal(Double(t + 1) / Double(steps)) / signal(0)) < 1e-12)
    }
    #expect(process.betas.last == 0.999)
  }

  @Test func cosineTakesOneStepAndRefusesNone() throws {
    #expect(try CosineSchedule(steps: 1).makeBetas() == [0.999])
    #expect(throws: DiffusionError.stepsOutOfRange(0)) { try CosineSchedule(steps: 0).makeBetas() }
  }

  @Test func aRecipePicksAScheduleByItsType() throws {
    let recipe = try ProcessRecipe(yaml: "schedule: { type: linear, steps: 250 }\nparameterization: epsilon\nvariance: learned_range")
    #expect(try recipe.makeDiffusion().process.steps == 250)
    #expect(recipe.parameterization == .epsilon)
    #expect(recipe.variance == .learnedRange)
    let given = try ProcessRecipe(yaml: "schedule: { type: given, betas: [0.1, 0.2] }")
    #expect(try given.makeDiffusion().process.betas == [0.1, 0.2])
  }

  @Test(arguments: ScheduleRegistry.names) func aPrintedRecipeIsReadAlike(name: String) throws {
    let betas = name == "given" ? "betas: [0.1, 0.2]" : "steps: 30"
    let recipe = try ProcessRecipe(yaml: "schedule: { type: \(name), \(betas) }\nrescale_betas_zero_snr: true\ntables: float32")
    let printed = recipe.yaml()
    #expect(printed.contains("type: \(name)") && printed.contains("rescale_betas_zero_snr: true") && printed.contains("tables: float32"))
    let again = try ProcessRecipe(yaml: printed)
    #expect(again.yaml() == printed)
    #expect(try again.makeDiffusion().process == recipe.makeDiffusion().process)
  }

  @Test(arguments: [
    ("schedule: { type: linear, steps: 10 }", "schedule.steps: a linear schedule of 10 steps has betas above 1; expected 20 steps or more"),
    ("schedule: { type: cosine, steps: 100001 }", "schedule.steps: a process of 100001 steps; expected 1 to 100000"),
    ("schedule: { type: quadratic }", "unknown type 'quadratic'"),
    ("schedule: { type: given, betas: [[0.1, 0.2]] }", "expected a number"),
    ("schedule: { type: given }", "recipe:1: schedule: there are no betas"),
    ("schedule: { type: cosine, max_beta: 0 }", "beta 0 is 0.0"),
    ("schedule: { type: given, betas: [0.1, 1] }\nparameterization: epsilon", "expected v or x0"),
    ("parameterization: eps", "epsilon"),
    ("schedule: { type: constant, beta: 1.5 }", "beta 0 is 1.5"),
    ("schedule: { type: constant, beta: 1.0e-17 }", "rounding loses"),
    ("schedule: { type: edm, sigma_min: 3, sigma_max: 2 }", "above sigma_min 3.0"),
    ("schedule: { type: edm, rho: 0 }", "expected a number above 0"),
    ("schedule: { type: linear, beta_end: 2 }", "beta 500 is"),
    ("rescale_betas_zero_snr: true\nparameterization: epsilon", "expected v or x0"),
    ("schedule: { type: constant, steps: 1 }\nrescale_betas_zero_snr: true", "expected 2 steps or more"),
    ("tables: float16", "expected one of float64, float32"),
  ]) func aRecipeThatCannotBeIsRefusedWithTheReason(yaml: String, reason: String) {
    let error = #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: yaml) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "-")")
  }
}

extension Data {
  /// JSON of a schedule with another number of steps.
  fileprivate func replacingSteps(by steps: Int) throws -> Data {
    var object = try #require(JSONSerialization.jsonObject(with: self) as? [String: Any])
    object["steps"] = steps
    return try JSONSerialization.data(withJSONObject: object)
  }
}
