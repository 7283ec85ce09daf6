import Checkpoints
import Failures
@testable import Interop
import Models
import NN
import Networks
import Tensors
import TestSupport
import Testing

@Suite("Architectures that are not supported") struct UnsupportedArchitectureTests {
  private let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func file(_ names: [String]) throws -> String {
    let path = try folder.file("other.safetensors")
    try Safetensors.write(StateDict(names.map { ($0, .ones([2, 2])) }), to: path)
    return path
  }

  @Test(arguments: [
    (["input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", "time_embed.0.weight"], "Stable Diffusion's UNet"),
    (["down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", "conv_in.weight"], "UNet2DConditionModel"),
    (["init_conv.weight", "time_mlp.1.weight", "downs.0.0.block1.proj.weight"], "denoising-diffusion-pytorch"),
    (["layers.0.residual_group.blocks.0.attn.relative_position_bias_table"], "SwinIR"),
    (["conv0.weight", "conv1.weight_orig", "conv1.weight_u"], "the discriminator of Real-ESRGAN"),
    (["init_conv.conv1.0.weight", "timeembed1.model.0.weight", "contextembed1.model.0.weight"], "new random weights"),
    (["model.1.sub.0.RDB1.conv1.0.weight", "model.7.weight"], "at another scale than 4"),
    (["lora_te_text_model.lora_down.weight"], "a LoRA"),
  ])
  func areNamedWhereTheyAreConvertedOrTakenForAnUpscaler(names: [String], words: String) throws {
    let path = try file(names)
    let error = try #require(refusal { try Conversion.run(ConversionRequest(input: path, output: "\(folder.path)/out.safetensors")) })
    #expect(error.failure == .data && error.description.hasPrefix("\(path) has the tensors of "), "\(error)")
    #expect(error.description.contains(words) && error.description.contains("not supported"), "\(error)")
    #expect(refusal { try UpscalerCheckpoint.recipe(of: CheckpointFile(path)) }?.description == error.description)
    #expect(ModelKind(tensorNames: names) == nil)
  }

  /// Where only names are looked at, those that a reader takes off included.
  @Test func aWholeCheckpointIsNamedBeforeItsUNet() {
    let names = [
      "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", "first_stage_model.encoder.conv_in.weight",
    ]
    #expect(UnsupportedArchitecture(of: names)?.name == "a whole Stable Diffusion checkpoint")
    #expect(UnsupportedArchitecture(of: [names[0]])?.name == "Stable Diffusion's UNet")
  }

  @Test func noNetworkOfTheRegistriesIsTakenForOne() throws {
    let recipes: [any RecognisableRecipe.Type] =
      TrainableNetworkRegistry.recognisable + ClassifierRegistry.recognisable + UpscalerRegistry.recognisable
    for type in recipes {
      let names = try type.init().makeModule(using: .shapes).state().map(\.name)
      #expect(UnsupportedArchitecture(of: names) == nil, "\(type.name)")
    }
    #expect(UnsupportedArchitecture(of: []) == nil && UnsupportedArchitecture(of: ["weight"]) == nil)
  }
}
