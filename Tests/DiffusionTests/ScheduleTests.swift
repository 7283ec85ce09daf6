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
    #expect(throws: DiffusionError.noSteps(0)) { try CosineSchedule(steps: 0).makeBetas() }
  }

  @Test func aRecipePicksAScheduleByItsType() throws {
    let recipe = try ProcessRecipe(yaml: "schedule: { type: linear, steps: 250 }\nparameterization: epsilon\nvariance: learned_range")
    #expect(try recipe.makeProcess().steps == 250)
    #expect(recipe.parameterization == .epsilon)
    #expect(recipe.variance == .learnedRange)
    let given = try ProcessRecipe(yaml: "schedule: { type: given, betas: [0.1, 0.2] }")
    #expect(try given.makeProcess().betas == [0.1, 0.2])
  }

  @Test(arguments: [
    ("schedule: { type: linear, steps: 10 }", "expected 20 steps or more"),
    ("schedule: { type: quadratic }", "unknown type 'quadratic'"),
    ("schedule: { type: given, betas: [[0.1, 0.2]] }", "expected a number"),
    ("schedule: { type: given }", "there are no betas"),
    ("schedule: { type: cosine, max_beta: 0 }", "beta 0 is 0.0"),
    ("schedule: { type: given, betas: [0.1, 1] }\nparameterization: epsilon", "expected v or x0"),
    ("parameterization: eps", "epsilon"),
  ]) func aRecipeThatCannotBeIsRefusedWithTheReason(yaml: String, reason: String) {
    let error = #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: yaml) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "-")")
  }
}
