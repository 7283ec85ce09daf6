import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The ADM UNet's recipe") struct ADMUNetRecipeTests {
  /// What is said of a recipe of 32x32 images that was changed; empty when it holds.
  private func problem(_ change: (inout ADMUNet.Recipe) -> Void) -> String {
    var recipe = ADMUNet.Recipe()
    recipe.imageSize = 32
    change(&recipe)
    do throws(RecipeError) { try recipe.validate() } catch {
      // Making the network refuses it in the same way.
      #expect(throws: error) { try ADMUNet(recipe, using: .shapes) }
      return error.description
    }
    return ""
  }

  @Test func theDefaultsAreValid() {
    #expect(problem { _ in } == "")
    #expect(problem { $0.attentionResolutions = [32, 16, 8, 4, 2, 1] } == "")
  }

  @Test func channelsThatTheNormsGroupsDoNotDivideAreRefused() {
    for channels in [48, 0, -32] {
      #expect(
        problem { $0.modelChannels = channels }
          == "model_channels: expected a multiple of 32, for the groups of the norms, found \(channels)")
    }
    #expect(
      problem { ($0.modelChannels, $0.channelMult) = (32, [1, 1.5]) }
        == "channel_mult: 1.5 makes 48 channels; expected a multiple of 32, for the groups of the norms")
    for mult in [[0], [-1], [.nan], [.infinity], [1e300]] as [[Double]] {
      #expect(problem { $0.channelMult = mult }.hasPrefix("channel_mult: \(mult[0]) makes "))
    }
    #expect(problem { $0.channelMult = [] } == "channel_mult: expected 1 to 12 levels, found 0")
    #expect(problem { $0.channelMult = Array(repeating: 1, count: 13) } == "channel_mult: expected 1 to 12 levels, found 13")
  }

  @Test func attentionAtAHeightThatNoLevelHasIsRefused() {
    for resolution in [12, 64] {
      #expect(
        problem { $0.attentionResolutions = [16, resolution] }
          == "attention_resolutions: \(resolution) is not the height of a level; with image_size 32 the levels are 32, 16, 8, 4")
    }
    #expect(problem { ($0.imageSize, $0.attentionResolutions) = (48, [16]) }.contains("16 is not the height of a level"))
    #expect(problem { $0.attentionResolutions = [0] } == "attention_resolutions: expected image heights, found 0")
    #expect(problem { $0.attentionResolutions = [-8] } == "attention_resolutions: expected image heights, found -8")
  }

  @Test func headsThatDoNotDivideTheChannelsAreRefused() {
    let words = "neither num_heads nor num_head_channels divides them"
    #expect(problem { $0.numHeads = 3 } == "num_heads: attention over 256 channels: \(words)")
    #expect(problem { $0.numHeadChannels = 48 } == "num_heads: attention over 256 channels: \(words)")
    #expect(problem { $0.numHeadChannels = 512 } == "num_heads: attention over 256 channels: \(words)")
    #expect(problem { $0.numHeadsUpsample = 7 } == "num_heads: attention over 256 channels: \(words)")
    #expect(problem { $0.numHeads = -1 } == "num_heads: expected num_heads or num_head_channels to be positive")
    #expect(problem { ($0.numHeads, $0.numHeadChannels) = (-1, 64) } == "")
  }

  @Test func countsOutOfRangeAreRefused() {
    for count in [0, -1, 65] {
      #expect(problem { $0.numResBlocks = count } == "num_res_blocks: expected 1 to 64, found \(count)")
    }
    for dropout in [-0.1, 1, .nan] {
      #expect(problem { $0.dropout = dropout } == "dropout: expected at least 0 and below 1, found \(dropout)")
    }
    #expect(problem { $0.inChannels = 0 } == "in_channels: expected 1 to 4096, found 0")
    #expect(problem { $0.outChannels = -1 } == "out_channels: expected 1 to 4096, found -1")
    #expect(problem { $0.numClasses = 0 } == "num_classes: expected 1 to 1000000, found 0")
    #expect(problem { ($0.imageSize, $0.attentionResolutions) = (0, []) } == "image_size: expected 1 to 65536, found 0")
  }

  @Test func theDataFillOnlyOptionsThatAreUnset() throws {
    let facts = NetworkInputSpec(channels: 1, outputChannels: 2, height: 28, width: 20, classRows: 11)
    var open = ADMUNet.Recipe()
    open.adapt(to: facts)
    #expect((open.imageSize, open.inChannels, open.outChannels, open.numClasses) == (28, 1, 2, 11))
    var given = ADMUNet.Recipe()
    (given.imageSize, given.inChannels, given.outChannels, given.numClasses) = (64, 3, 6, 1000)
    let before = given
    given.adapt(to: facts)
    #expect(given == before)
    #expect(ADMUNet.Recipe().resolvedInChannels == 3 && ADMUNet.Recipe().resolvedOutChannels == 3 && open.resolvedOutChannels == 2)
    #expect(open.sizeStep == 8)
  }

  @Test func theRegistryFindsItByName() throws {
    let choice = try Choice<NetworkRegistry>(named: "adm_unet")
    #expect(choice.recipe is ADMUNet.Recipe)
    #expect(throws: RecipeError.self) { try Choice<NetworkRegistry>(named: "adm_unets") }
  }
}
