import RecipeKit
import Tensors
import Testing

@testable import Diffusion

@Suite("Process recipes") struct ProcessRecipeTests {
  @Test func makeADiffusionOfTheirProcessParameterizationAndVariance() throws {
    let process = try ProcessRecipe().makeDiffusion().process
    let edm = try ProcessRecipe(yaml: "parameterization: edm\nsigma_data: 0.3").makeDiffusion()
    #expect(edm.parameterization == .edm(sigmaData: 0.3))
    let previous = try ProcessRecipe(yaml: "parameterization: previous_x\nvariance: learned").makeDiffusion()
    #expect(previous == GaussianDiffusion(process, .previousX, variance: .learned))
    #expect(previous.parameterization == .previousX(process) && previous.variance == .learned)
    let loss = previous.loss(objective: HybridLoss(), weighting: MinSNRWeighting())
    #expect(loss.parameterization == previous.parameterization && loss.variance == .learned && loss.process == process)
    #expect(loss.objective is HybridLoss && loss.weighting is MinSNRWeighting)
  }

  @Test func aDiffusionsDenoiserReadsTheNetworkByTheRecipe() throws {
    let diffusion = try ProcessRecipe(yaml: "parameterization: x0\nvariance: learned").makeDiffusion()
    let x = Tensor([0.5, -1.25], [2, 1, 1, 1]), level = diffusion.process.level(500)
    let denoiser = diffusion.denoiser { x, _ in .cat([0.25 * x, x], dim: 1) }
    let p = denoiser.predict(x, at: level)
    #expect(try p.x0.doubles() == [0.125, -0.3125])
    guard case .log(let logVariance) = p.variance else { throw TorchFault(operation: "test", message: "\(p.variance)") }
    #expect(try logVariance.doubles() == [0.5, -1.25])
    #expect(denoiser.noiseLevelRange.range == diffusion.process.noiseLevelRange.range)
  }

  @Test(arguments: [
    ("parameterization: previous", "previous_x"),
    ("schedule: { type: given, betas: [0.1, 1] }\nparameterization: edm", "expected v or x0"),
    ("parameterization: edm\nsigma_data: 0", "sigma_data: expected a number above 0, found 0.0"),
    ("sigma_data: 0.3", "only edm uses it, and parameterization is v"),
    ("parameterization: edm\nrescale_timesteps: true", "expected false with parameterization edm"),
  ]) func refuseWhatMakesNoSense(yaml: String, reason: String) {
    let error = #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: yaml) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "-")")
  }
}
