import Checkpoints
import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The diffusion transformer") struct DiTTests {
  private typealias Batch = TinyNetworks.Batch

  /// Weights, inputs and outputs of a network of three channels, patches of 2, two blocks of width 8 with two heads, and three classes and
  /// the null class, computed by PyTorch in Fixtures/networks/dit.py: `state/…`, `x`, `t`, `labels`, `y`.
  private static func fixture() throws -> StateDict {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try Safetensors.read(folder.appendingPathComponent("Fixtures/networks/dit.safetensors").path).state
  }

  private func recipe(_ change: (inout DiT.Recipe) -> Void = { _ in }) throws -> DiT.Recipe {
    var recipe = try #require(TinyNetworks.tiny("dit").recipe as? DiT.Recipe)
    change(&recipe)
    recipe.adapt(to: TinyNetworks.facts)
    return recipe
  }

  /// A network whose gates and last layer are away from zero.
  private func network(_ change: (inout DiT.Recipe) -> Void = { _ in }) throws -> DiT {
    let generator = Generator(seed: 1), network = try DiT(recipe(change), using: Initializer(generator))
    for parameter in network.parameters() where try parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return network
  }

  @Test func aCheckpointIsRecognisedAndComputesWhatPyTorchDoes() throws {
    let fixture = try Self.fixture(), state = fixture.under("state/")
    let found = try #require(NetworkRegistry.recognised(from: CheckpointShapes(state), side: 64))
    var recipe = try #require(found.recipe as? DiT.Recipe)
    #expect(recipe.inputSize == 8 && recipe.patchSize == 2 && recipe.hiddenSize == 8 && recipe.depth == 2 && recipe.numClasses == 4)
    #expect(recipe.inChannels == 3 && recipe.outChannels == 6 && recipe.mlpRatio == 4 && found.knowsSize && found.inputs.height == 8)
    // No shape shows them.
    recipe.numHeads = 2
    let network = try DiT(recipe, using: .shapes)
    try network.adopt(state, on: .cpu)
    let x = try #require(fixture["x"]), t = try #require(fixture["t"]), want = try #require(fixture["y"])
    let conditioning = Conditioning(labels: fixture["labels"])
    let y = withoutGradient { network(x, timesteps: t, conditioning: conditioning, mode: .inference) }
    // Some twenty layers of float32 in another order of sums.
    #expect(try relativeError(y, want) < 1e-5)
    recipe.numHeads = 1
    let other = try DiT(recipe, using: .shapes)
    try other.adopt(state, on: .cpu)
    let z = withoutGradient { other(x, timesteps: t, conditioning: conditioning, mode: .inference) }
    #expect(try relativeError(z, want) > 1e-3)
  }

  @Test func itsPositionsAreTheCheckpointsToTheRoundingOfFloat32() throws {
    let stored = try #require(Self.fixture()["state/pos_embed"])
    let made = try #require(try DiT(recipe { $0.hiddenSize = 8 }, using: Initializer(Generator(seed: 1))).stateDict()["pos_embed"])
    #expect(try made.shape == stored.shape && (made - stored).abs().max().item() < 1e-7)
  }

  /// The positions of a larger grid begin with those of a smaller one, so that a crop to whole patches attends alike but for what is gone.
  @Test func aNetworkForLargerImagesHasTheSamePositionsInItsCorner() throws {
    let small = try network(), large = try network { $0.inputSize = 16 }
    var state = small.stateDict()
    state["pos_embed"] = large.stateDict()["pos_embed"]
    try large.load(state)
    let batch = Batch(for: "dit")
    // The one has its grid stored, the other makes it: cosines rounded once.
    #expect(try (large.infer(batch) - small.infer(batch)).abs().max().item() < 1e-5)
  }

  @Test func storedPositionsAreUsedAndNotTrained() throws {
    let network = try network(), batch = Batch(for: "dit"), before = try network.infer(batch).floats()
    #expect(!network.namedParameters().contains { $0.name == "pos_embed" } && network.namedBuffers().map(\.name) == ["pos_embed"])
    var state = network.stateDict()
    state["pos_embed"] = .zeros([1, 16, 32])
    try network.load(state)
    #expect(try network.infer(batch).floats() != before)
    #expect(try network.prepared(for: .float32).infer(batch).floats() != before)
  }

  @Test func everyBlockStartsAsTheIdentity() throws {
    let shallow = try DiT(recipe { $0.depth = 1 }, using: Initializer(Generator(seed: 1)))
    let state = shallow.stateDict()
    #expect(try state["blocks.0.adaLN_modulation.1.weight"]?.abs().max().item() == 0)
    #expect(try state["blocks.0.attn.qkv.weight"]?.abs().max().item() ?? 0 > 0.01)
    #expect(try state["final_layer.linear.weight"]?.abs().max().item() == 0)
  }

  @Test func recomputationGivesTheSameGradients() throws {
    let batch = Batch(for: "dit")
    func gradients(_ useCheckpoint: Bool) throws -> [[Float]] {
      let network = try network { $0.useCheckpoint = useCheckpoint }
      let y = network.run(batch, mode: .training(Generator(seed: 1)))
      try (y * Tensor.randn(y.shape, using: Generator(seed: 2))).sum().backward()
      return try network.parameters().map { try #require($0.gradient).floats() }
    }
    #expect(try gradients(true) == gradients(false))
  }

  @Test func aNetworkWithClassesNeedsThem() throws {
    var batch = Batch(for: "dit")
    batch.conditioning = .none
    #expect(try network().infer(batch).fault?.message == "this network needs labels")
    let without = try DiT(DiT.Recipe(yaml: "hidden_size: 16\nnum_heads: 2\ndepth: 1"), using: Initializer(Generator(seed: 1)))
    #expect(!without.state().contains { $0.name.hasPrefix("y_embedder") })
    let y = without(.zeros([1, 3, 8, 8]), timesteps: .zeros([1]), conditioning: Conditioning(labels: Tensor([1])), mode: .inference)
    #expect(y.fault?.message == "this network has no classes, but labels were given")
  }

  @Test(arguments: [
    ("hidden_size=30", "multiple of 4"), ("num_heads=5", "a divisor of hidden_size 384"), ("depth=0", "1 to 256 blocks"),
    ("patch_size=0", "1 to 1024"), ("mlp_ratio=0", "1 to 1048576"), ("mlp_ratio=1.0e+9", "1 to 1048576"),
    ("input_size=4096", "rows of 2048 patches"),
    ("num_classes=0", "1 to 1000000"),
  ])
  func invalidOptionsAreRefused(setting: String, words: String) {
    let error = #expect(throws: RecipeError.self) { try DiT.Recipe(yaml: "", file: "r.yaml", set: [setting]) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "-")")
  }

  @Test func aGridThatIsNotSquareIsNotRecognised() throws {
    var state = try Self.fixture().under("state/")
    state["pos_embed"] = .zeros([1, 15, 8])
    #expect(DiT.Recipe.nearest(to: CheckpointShapes(state)) == nil)
  }
}
