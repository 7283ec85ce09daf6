import NN
import Tensors
import Testing

@testable import Networks

@Suite("Restoration UNet") struct RestorationUNetTests {
  private let network: any DiffusionNetwork = try! TinyNetworks.network(RestorationUNet.Recipe.name)

  private func restored(_ x: Tensor, _ picture: Tensor) -> Tensor {
    let conditioning = Conditioning(lowRes: picture, corruptionStrengths: Tensor([0.3, 0.8] as [Float], [1, 2]))
    // Tiles of Winograd's convolutions reach further by rounding.
    return withExactConvolutions {
      withoutGradient { network(x, timesteps: Tensor([400] as [Float]), conditioning: conditioning, mode: .inference) }
    }
  }

  /// The tiny network's reach: first and last convolution, six of blocks and one each that halves and doubles at 2 pixels; six of blocks, the
  /// middle's included, at 4 twice over. The high-pass adds 2, alignment to blocks of 4 at most 3.
  private let reach = 2 * (2 + 6 + 2) + 4 * (2 + 4 + 4) + 2 + 3

  @Test func aPixelDependsOnABoundedNeighbourhood() throws {
    let generator = Generator(seed: 4), width = 4 * ((2 * reach + 8) / 4)
    let x = Tensor.randn([1, 3, 8, width], using: generator), picture = Tensor.rand([1, 3, 8, width], using: generator)
    var changed = picture.clone()
    changed = .cat([changed.narrow(3, 0, width - 1), changed.narrow(3, width - 1, 1) + 1], dim: 3)
    let difference = (restored(x, changed) - restored(x, picture)).abs()
    #expect(try difference.narrow(3, 0, width - reach).max().item() == 0)
    #expect(try difference.narrow(3, width - reach, reach).max().item() > 0)
  }

  @Test func theRecipeKnowsTheReach() throws {
    var recipe = RestorationUNet.Recipe()
    recipe.channelMult = [1, 2]
    #expect(recipe.reach == reach)
    #expect(recipe.sizeStep == 4 && RestorationUNet.Recipe.padsItself)
    #expect(SuperResolutionUNet.Recipe().reach == nil && SuperResolutionUNet.Recipe().sizeStep == 8)
  }

  @Test func aTileIsTheSamePartOfTheWhole() throws {
    let generator = Generator(seed: 5), margin = 4 * ((reach + 3) / 4), width = 2 * margin + 16
    let x = Tensor.randn([1, 3, 12, width + 32], using: generator), picture = Tensor.rand([1, 3, 12, width + 32], using: generator)
    let whole = restored(x, picture).narrow(3, margin, 16)
    let tile = restored(x.narrow(3, 0, width), picture.narrow(3, 0, width)).narrow(3, margin, 16)
    // Summation in another order.
    #expect(try (whole - tile).abs().max().item() < 1e-5)
  }

  @Test func theHighPassIsZeroOnFlatPicturesAndAtEveryBorder() throws {
    #expect(try RestorationUNet.highPass(.full(0.7, like: .ones([1, 3, 5, 4]))).abs().max().item() < 1e-5)
    let impulse = Tensor.cat([.zeros([1, 1, 5, 2]), .ones([1, 1, 5, 1]), .zeros([1, 1, 5, 2])], dim: 3)
    // Of a column, the binomial filter leaves 6/16 in place, 4/16 beside it and 1/16 two pixels away.
    #expect(try RestorationUNet.highPass(impulse).narrow(2, 0, 1).floats() == [-1, -4, 10, -4, -1])
  }

  @Test func picturesOfAnotherSizeAreRefused() throws {
    let fault = restored(.ones([1, 3, 8, 8]), .ones([1, 3, 4, 4])).fault
    #expect(try #require(fault).message.contains("expected degraded pictures of the images' shape [1, 3, 8, 8], found [1, 3, 4, 4]"))
  }

  @Test func theStrengthsMatter() throws {
    let x = Tensor.ones([1, 3, 8, 8])
    func of(_ strength: Float) -> Tensor {
      withoutGradient {
        network(
          x, timesteps: Tensor([3] as [Float]),
          conditioning: Conditioning(lowRes: x, corruptionStrengths: Tensor([strength, 0], [1, 2])), mode: .inference)
      }
    }
    #expect(try (of(1) - of(0)).abs().max().item() > 1e-4)
  }

  @Test(arguments: ["patch_size: 0", "channel_mult: []", "model_channels: 7", "num_corruptions: 65", "num_res_blocks: 0"])
  func refusesValuesOutOfRange(yaml: String) {
    #expect(throws: (any Error).self) { try RestorationUNet.Recipe(yaml: yaml) }
  }
}
