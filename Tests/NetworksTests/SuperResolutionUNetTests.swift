import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The super-resolution UNet") struct SuperResolutionUNetTests {
  private typealias Batch = TinyNetworks.Batch
  private let name = SuperResolutionUNet.Recipe.name

  @Test func theLowResolutionImageAndEveryStrengthChangeTheOutput() throws {
    let network = try TinyNetworks.network(name), batch = Batch(for: name, count: 1)
    let y = network.infer(batch)
    var other = batch
    other.conditioning.lowRes = batch.conditioning.lowRes! * 0.5
    #expect(try relativeError(network.infer(other), y) > 1e-3)
    for factors in [[0.9, 0.1], [0.1, 0.9]] as [[Float]] {
      other = batch
      other.conditioning.corruptionStrengths = Tensor(factors, [1, 2])
      #expect(try relativeError(network.infer(other), y) > 1e-4)
    }
  }

  @Test func strengthsAreZeroByDefault() throws {
    let network = try TinyNetworks.network(name)
    var without = Batch(for: name), zero = without
    without.conditioning.corruptionStrengths = nil
    zero.conditioning.corruptionStrengths = .zeros([3, 2])
    #expect(try network.infer(without).floats() == network.infer(zero).floats())
  }

  @Test func anInputOfTheWrongShapeIsRefusedWithTheExpectedOne() throws {
    let network = try TinyNetworks.network(name)
    func problem(_ change: (inout Conditioning) -> Void) -> String {
      var batch = Batch(for: name, count: 2)
      change(&batch.conditioning)
      return network.infer(batch).fault?.message ?? ""
    }
    #expect(problem { $0.lowRes = nil } == "this network needs low-resolution images")
    #expect(
      problem { $0.lowRes = .ones([2, 1, 4, 4]) } == "expected low-resolution images of shape [2, 3, h, w], found [2, 1, 4, 4]")
    #expect(
      problem { $0.corruptionStrengths = .ones([2, 3]) }
        == "expected corruption strengths of shape [2, 2], one row an image, found [2, 3]")
    #expect(problem { $0.context = .ones([2, 4]) } == "this network has no context, but context vectors were given")
  }

  @Test func invalidRecipesAreRefused() throws {
    var recipe = SuperResolutionUNet.Recipe()
    recipe.numCorruptions = -1
    #expect(throws: RecipeError(place: nil, path: "num_corruptions", "expected 0 to 64, found -1")) {
      try SuperResolutionUNet(recipe, using: .shapes)
    }
    recipe.numCorruptions = 0
    recipe.unet.numResBlocks = 0
    #expect(throws: RecipeError(place: nil, path: "unet.num_res_blocks", "expected 1 to 64, found 0")) {
      try SuperResolutionUNet(recipe, using: .shapes)
    }
  }
}

@Suite("Groups of norms") struct NormalizationTests {
  @Test func followTheChannelsInDLAS() {
    #expect([4, 8, 12, 16, 24, 48, 64, 80, 96, 100].map(Normalization.dlas.groups(of:)) == [4, 8, 4, 8, 8, 16, 16, 16, 32, 4])
    #expect(Normalization.openai.groups(of: 4) == 32)
  }

  @Test func decideWhichChannelsAreAllowed() throws {
    var recipe = ADMUNet.Recipe()
    (recipe.modelChannels, recipe.normalization) = (12, .dlas)
    try recipe.validate()
    recipe.modelChannels = 6
    #expect(
      throws: RecipeError(place: nil, path: "model_channels", "expected a multiple of 4, for the groups of the norms, found 6")
    ) { try recipe.validate() }
  }
}
