import RecipeKit
import Tensors
import Testing

@testable import Diffusion

@Suite("Diffusion of residuals") struct ResidualTests {
  @Test func decodingUndoesEncodingWithinTheRangeOfImages() throws {
    let x = Tensor([-1, -0.5, 0, 1] as [Float], [1, 1, 2, 2]), degraded = Tensor([-0.9, -0.6, 0.25, 0.5] as [Float], [1, 1, 2, 2])
    let residual = Residual(scale: 0.25)
    #expect(try residual.encode(x, from: degraded).floats().map { ($0 * 1000).rounded() } == [-400, 400, -1000, 2000])
    #expect(try (residual.decode(residual.encode(x, from: degraded), from: degraded) - x).abs().max().item() < 1e-6)
    #expect(try residual.decode(.full(9, like: x), from: degraded).max().item() == 1)
  }

  @Test func aProcessMadeFromARecipeHasIt() throws {
    #expect(try ProcessRecipe(yaml: "residual_scale: 0.063").makeDiffusion().residual == Residual(scale: 0.063))
    #expect(try ProcessRecipe().makeDiffusion().residual == nil)
    for wrong in ["0", "-1", "2.5"] {
      #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: "residual_scale: \(wrong)") }
    }
  }

  @Test func theNetworkOfAScaledInputSeesTheWienerEstimateAndPredictsV() throws {
    let process = try DiscreteProcess(betas: [0.1, 0.5, 0.2, 0.4])
    let x = Tensor.randn([2, 1, 2, 2], using: Generator(seed: 1))
    let level = process.level(2)
    var seen: Tensor?
    let network: DenoisingNetwork = { given, timesteps in
      seen = given
      #expect((try? timesteps.doubles()) == [2, 2])
      return 0.3 * x
    }
    let scaled = GaussianDiffusion(process, .vScaledInput).denoiser(network).predict(x, at: level)
    #expect(try (#require(seen) - level.alpha * x).abs().max().item() < 1e-6)
    let plain = GaussianDiffusion(process, .v).denoiser { _, _ in 0.3 * x }.predict(x, at: level)
    #expect(try scaled.x0.floats() == plain.x0.floats() && scaled.epsilon.floats() == plain.epsilon.floats())
  }

  @Test func thereIsNothingToSeeWithoutSignal() throws {
    let diffusion = try ProcessRecipe(yaml: "rescale_betas_zero_snr: true\nparameterization: v_scaled_input").makeDiffusion()
    let last = diffusion.process.level(diffusion.process.steps - 1)
    #expect(last.alpha == 0)
    _ = diffusion.denoiser { x, _ in
      #expect((try? x.abs().max().item()) == 0)
      return x
    }.predict(.ones([1, 1, 2, 2]), at: last)
  }
}
