import RecipeKit
import Testing

@testable import Diffusion

@Suite("Process recipes") struct ProcessRecipeTests {
  @Test func sayWhatTheNetworkPredicts() throws {
    let process = try ProcessRecipe().makeProcess()
    let edm = try ProcessRecipe(yaml: "parameterization: edm\nsigma_data: 0.3")
    #expect(edm.parameterization(in: process) == .edm(sigmaData: 0.3))
    let previous = try ProcessRecipe(yaml: "parameterization: previous_x\nvariance: learned")
    #expect(previous.parameterization(in: process) == .previousX(process))
    #expect(previous.variance == .learned)
  }

  @Test(arguments: [
    ("parameterization: previous", "previous_x"),
    ("schedule: { type: given, betas: [0.1, 1] }\nparameterization: edm", "expected v or x0"),
    ("parameterization: edm\nsigma_data: 0", "sigma_data: expected a number above 0, found 0.0"),
    ("sigma_data: 0.3", "only edm makes use of it, and parameterization is v"),
    ("parameterization: edm\nrescale_timesteps: true", "expected false with parameterization edm"),
  ]) func refuseWhatMakesNoSense(yaml: String, reason: String) {
    let error = #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: yaml) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "-")")
  }
}
