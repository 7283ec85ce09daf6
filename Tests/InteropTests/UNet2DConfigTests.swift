import Foundation
import Interop
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("Configurations of UNet2DModel") struct UNet2DConfigTests {
  static let config = """
    {"_class_name": "UNet2DModel", "_diffusers_version": "0.42.0", "sample_size": 16, "in_channels": 1, "out_channels": 1,
     "block_out_channels": [8, 8], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
     "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "norm_num_groups": 4, "layers_per_block": 1}
    """

  private func config(_ key: String, _ value: String) throws -> UNet2DConfig {
    let text = Self.config.replacingOccurrences(of: "\"_diffusers_version\": \"0.42.0\"", with: "\"\(key)\": \(value)")
    return try UNet2DConfig(json: Data(text.utf8), file: "config.json")
  }

  @Test func aConfigIsReadWithTheDefaultsOfDiffusers() throws {
    let read = try config("decay", "0.99")
    #expect((read.height, read.width) == (16, 16))
    #expect(read.recipe.attentionHeadDim == 8 && read.recipe.flipSinToCos && read.recipe.numClassEmbeds == nil)
    #expect(try config("attention_head_dim", "null").recipe.attentionHeadDim == nil)
    #expect(try config("mid_block_type", "null").recipe.midBlockType == nil)
    #expect(try UNet2DConfig(json: read.json, file: "again") == read)
  }

  @Test func blocksOfTheFirstVersionsAreTheSame() throws {
    let text = Self.config.replacingOccurrences(of: "\"AttnDownBlock2D\"", with: "\"UNetResAttnDownBlock2D\"")
    #expect(try UNet2DConfig(json: Data(text.utf8), file: "config.json").recipe == config("decay", "1").recipe)
  }

  @Test(arguments: [
    ("act_fn", "\"mish\"", "silu or swish"), ("time_embedding_type", "\"fourier\"", "ScoreSdeVeScheduler"),
    ("class_embed_type", "\"identity\"", "expected null"), ("mid_block_type", "\"UNetMidBlock2DCrossAttn\"", "UNetMidBlock2D"),
    ("downsample_padding", "2", "expected 0 or 1"), ("resnet_time_scale_shift", "\"spatial\"", "scale_shift"),
    ("attention_head_dim", "0", "expected 1 to 8"), ("attention_head_dim", "9", "expected 1 to 8"), ("freq_shift", "4", "below 4"),
    ("attn_norm_num_groups", "3", "divisor of 8"), ("time_embedding_dim", "99999999999", "expected 1 to 262144"),
    ("num_class_embeds", "-1", "expected 1 to 1000000"), ("norm_eps", "0", "above 0"), ("chanels", "1", "unknown key 'chanels'"),
    ("mid_block_scale_factor", "0", "above 0"), ("add_attention", "7", "add_attention"),
  ])
  func anOptionThatIsNotSupportedIsRefusedByItsName(key: String, value: String, words: String) throws {
    let error = try #require(throws: RecipeError.self) { _ = try UNet2DModel(config(key, value).recipe, using: .shapes) }
    #expect("\(error)".contains(words), "\(error)")
    #expect("\(error)".contains(key), "\(error)")
  }

  @Test func aFileThatIsNotAConfigIsRefusedByName() throws {
    let deep = String(repeating: "[", count: 90_000), others = ["UNet2DConditionModel", "7"].map { "{\"_class_name\": \"\($0)\"}" }
    for text in ["", "[]", "{", "{\"_class_name\": 7}", deep] + others {
      let error = try #require(throws: RecipeError.self) { try UNet2DConfig(json: Data(text.utf8), file: "config.json") }
      #expect("\(error)".hasPrefix("config.json: "))
    }
  }

  @Test(arguments: ["0", "-4", "99999999", "null", "[8]", "[8, 8, 8]", "\"8\"", "8.5"])
  func absurdSizesAreRefused(size: String) throws {
    let text = Self.config.replacingOccurrences(of: "\"sample_size\": 16", with: "\"sample_size\": \(size)")
    let error = try #require(throws: RecipeError.self) { try UNet2DConfig(json: Data(text.utf8), file: "config.json") }
    #expect(error.path == "sample_size")
  }
}
