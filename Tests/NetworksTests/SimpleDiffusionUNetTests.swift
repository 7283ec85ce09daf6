import Checkpoints
import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("simple-diffusion's UNet") struct SimpleDiffusionUNetTests {
  /// Weights, inputs and outputs of a network of three channels and `hidden_dims` 8, 16, 24, computed by PyTorch after the system's
  /// code: `state/…`, `x`, `t`, `y`.
  private static func fixture() throws -> StateDict {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try Safetensors.read(folder.appendingPathComponent("Fixtures/networks/simple_diffusion.safetensors").path).state
  }

  @Test func aCheckpointIsRecognisedAndComputesWhatPyTorchDoes() throws {
    let fixture = try Self.fixture(), state = fixture.under("state/")
    let found = try #require(NetworkRegistry.recognised(from: CheckpointShapes(state), side: 8))
    let recipe = try #require(found.recipe as? SimpleDiffusionUNet.Recipe)
    #expect(recipe.hiddenDims == [8, 16, 24] && recipe.inChannels == 3 && !found.knowsSize)
    let network = try SimpleDiffusionUNet(recipe, using: .shapes)
    try network.adopt(state, on: .cpu)
    let x = try #require(fixture["x"]), t = try #require(fixture["t"]), want = try #require(fixture["y"])
    let y = withoutGradient { network(x, timesteps: t, conditioning: .none, mode: .inference) }
    // Some forty layers of float32 in another order of sums.
    #expect(try relativeError(y, want) < 1e-5)
  }

  @Test func classesAreRefused() throws {
    var recipe = SimpleDiffusionUNet.Recipe()
    recipe.hiddenDims = [8, 16]
    let network = try SimpleDiffusionUNet(recipe, using: Initializer(Generator(seed: 1)))
    let y = network(
      .zeros([1, 3, 4, 4]), timesteps: .zeros([1]), conditioning: Conditioning(labels: Tensor([1])), mode: .inference)
    #expect(y.fault?.message == "this network has no classes, but labels were given")
  }

  @Test func attentionAtTheHighestLevelIsAnotherNetwork() throws {
    var state = try Self.fixture().under("state/")
    state["down_blocks.0.2.to_qkv.weight"] = .ones([384, 8, 1, 1])
    #expect(SimpleDiffusionUNet.Recipe.nearest(to: CheckpointShapes(state)) == nil)
  }

  @Test func invalidRecipesAreRefused() {
    for set in ["hidden_dims=[64]", "hidden_dims=[64, 12]", "hidden_dims=[]", "hidden_dims=[0, 8]", "in_channels=0"] {
      #expect(throws: RecipeError.self, "\(set)") { try SimpleDiffusionUNet.Recipe(yaml: "", file: "r.yaml", set: [set]) }
    }
  }
}
