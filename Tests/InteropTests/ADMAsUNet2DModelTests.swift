import Interop
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("ADM UNets as UNet2DModel") struct ADMAsUNet2DModelTests {
  /// A network of guided-diffusion with options of both kinds, moved away from zero.
  private func adm(_ change: (inout ADMUNet.Recipe) -> Void) throws -> ADMUNet {
    var recipe = ADMUNet.Recipe()
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks) = (32, [1, 2, 2], 1)
    (recipe.attentionResolutions, recipe.imageSize, recipe.numHeadChannels) = ([8], 16, 16)
    (recipe.inChannels, recipe.outChannels, recipe.numClasses) = (1, 2, 4)
    change(&recipe)
    let generator = Generator(seed: 3), network = try ADMUNet(recipe, using: Initializer(generator))
    for parameter in network.parameters() {
      try parameter.assign(parameter.value.detach() + 0.05 * .randn(parameter.shape, using: generator))
    }
    return network
  }

  static let expressible: [@Sendable (inout ADMUNet.Recipe) -> Void] = [
    { _ in },
    { $0.useNewAttentionOrder = false },
    { ($0.resblockUpdown, $0.useScaleShiftNorm, $0.numClasses) = (false, false, nil) },
    { ($0.numHeadChannels, $0.numHeads, $0.useNewAttentionOrder) = (-1, 1, false) },
    { ($0.numHeadChannels, $0.numHeads, $0.numResBlocks, $0.attentionResolutions) = (-1, 4, 2, [4, 8]) },
  ]

  @Test(arguments: expressible.indices) func anADMNetworkComputesTheSameUnderDiffusersNames(index: Int) throws {
    let network = try adm(Self.expressible[index])
    let moved = try UNet2DModel(.init(expressing: network.recipe), using: .shapes)
    try moved.adopt(network.unet2DState(), on: .cpu)
    let x = Tensor.randn([2, 1, 16, 16], using: Generator(seed: 5)), t = Tensor([17, 803.5] as [Float])
    let conditioning = Conditioning(labels: network.recipe.numClasses.map { _ in Tensor([1, 3]) })
    let want = withoutGradient { network(x, timesteps: t, conditioning: conditioning, mode: .inference) }
    let got = withoutGradient { moved(x, timesteps: t, conditioning: conditioning, mode: .inference) }
    #expect(try (got - want).norm().item() / want.norm().item() < 1e-5)
  }

  static let inexpressible: [(key: String, change: @Sendable (inout ADMUNet.Recipe) -> Void)] = [
    ("normalization", { $0.normalization = .dlas }),
    ("context_dim", { $0.contextDim = 3 }),
    ("augment_dim", { $0.augmentDim = 9 }),
    ("conv_resample", { ($0.resblockUpdown, $0.convResample) = (false, false) }),
    ("channel_mult", { $0.channelMult = [2, 2, 2] }),
    ("num_heads", { ($0.numHeadChannels, $0.numHeads, $0.attentionResolutions) = (-1, 2, [16]) }),
  ]

  @Test(arguments: inexpressible.indices) func anOptionThatUNet2DModelCannotExpressIsRefusedByName(index: Int) throws {
    let recipe = try adm(Self.inexpressible[index].change).recipe
    let error = try #require(throws: RecipeError.self) { try UNet2DModel.Recipe(expressing: recipe) }
    #expect(error.path == "network.\(Self.inexpressible[index].key)")
  }
}
