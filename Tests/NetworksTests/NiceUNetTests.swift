import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("nice-diffusion's UNet") struct NiceUNetTests {
  private func recipe(_ change: (inout NiceUNet.Recipe) -> Void) throws -> NiceUNet.Recipe {
    var recipe = try #require(try TinyNetworks.recipe(NiceUNet.Recipe.name) as? NiceUNet.Recipe)
    change(&recipe)
    return recipe
  }

  /// Its defaults resample by layers of their own, which the configuration of the contract tests too.
  @Test func theStateHasTheReferenceNames() throws {
    let byLayers = try NiceUNet(recipe { _ in }, using: .shapes).state().map(\.name)
    for name in [
      "step_embed.0.weight", "class_embedding.weight", "downsampling.0.0.weight", "downsampling.2.0.conv.weight",
      "downsampling.3.1.qkv_nin.weight", "middle_block.1.proj_out.bias", "upsampling.1.0.skip.weight", "upsampling.1.2.conv.weight",
      "upsampling.3.0.step_embedding.weight", "out.2.weight",
    ] {
      #expect(byLayers.contains(name), "\(name)")
    }
    let byBlocks = try NiceUNet(recipe { $0.resblockUpdown = true }, using: .shapes).state().map(\.name)
    #expect(byBlocks.contains("downsampling.2.0.in_conv.weight") && byBlocks.contains("upsampling.1.2.out_norm.weight"))
  }

  @Test func imagesOfAnotherSizeAreRefused() throws {
    let network = try TinyNetworks.network(NiceUNet.Recipe.name)
    for (height, width) in [(16, 16), (8, 16), (4, 8)] {
      let y = network.infer(TinyNetworks.Batch(height: height, width: width))
      #expect(y.fault?.message == "expected images of 8 x 8, the network's resolution, found \(height) x \(width)")
    }
  }

  @Test func errorsNameItsOwnOptions() throws {
    #expect(throws: RecipeError(place: nil, path: "resolution", "expected a multiple of 2, for 2 levels, found 9")) {
      try recipe { ($0.resolution, $0.attentionResolutions) = (9, []) }.validate()
    }
    #expect(throws: RecipeError(place: nil, path: "resolution", "expected 1 to 65536, found 0")) {
      try recipe { ($0.resolution, $0.attentionResolutions) = (0, []) }.validate()
    }
    #expect(throws: RecipeError(place: nil, path: "num_res_blocks", "expected 1 to 64, found 0")) {
      try recipe { $0.numResBlocks = 0 }.validate()
    }
  }
}
