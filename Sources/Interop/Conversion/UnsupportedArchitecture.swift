import Failures

/// A network that is known by the names of its tensors and is not supported: messages name it instead of the tensors that it lacks.
package struct UnsupportedArchitecture {
  /// `a DiT`, for messages.
  package let name: String
  /// Why it is not supported where that is not plain from the name, or what to use instead.
  let hint: String?
  /// Parts of names: each is in the name of some tensor.
  private let marks: [String]

  private init(_ name: String, _ marks: [String], hint: String? = nil) {
    (self.name, self.marks, self.hint) = (name, marks, hint)
  }

  /// - Returns: nil for names of no network in the table.
  package init?(of names: [String]) {
    guard let found = Self.table.first(where: { $0.marks.allSatisfy { mark in names.contains { $0.contains(mark) } } }) else { return nil }
    self = found
  }

  package func error(_ path: String) -> SfumatoError {
    SfumatoError(
      .data,
      "\(path) has the tensors of \(name), which is not supported\(hint.map { ": \($0)" } ?? "")\n"
        + "  supported are the networks that 'sfumato convert --list-presets' lists, those that a recipe can describe, and Real-ESRGAN's upscalers"
    )
  }

  /// The most particular first.
  private static let table: [UnsupportedArchitecture] = [
    .init("a LoRA", ["lora_down.weight"], hint: "it changes another model and cannot be used alone"),
    .init("a LoRA", ["lora_A."], hint: "it changes another model and cannot be used alone"),
    .init("a whole Stable Diffusion checkpoint", ["model.diffusion_model.", "first_stage_model."]),
    .init("Stable Diffusion's UNet", ["input_blocks.", ".transformer_blocks.0.attn2.to_k."]),
    .init("Stable Diffusion's UNet (diffusers' UNet2DConditionModel)", ["down_blocks.", ".transformer_blocks.0.attn2.to_k."]),
    .init("an autoencoder of latent diffusion (diffusers' AutoencoderKL)", ["encoder.down_blocks.", "decoder.up_blocks."]),
    .init("an autoencoder of latent diffusion", ["encoder.down.0.block.0.", "decoder.up.0.block.0."]),
    .init("Stable Diffusion 3's transformer (MMDiT)", ["joint_blocks.0.context_block."]),
    .init("FLUX's transformer", ["double_blocks.0.img_attn."]),
    .init("a U-ViT", ["in_blocks.0.", "mid_block.", "out_blocks.0.", "patch_embed.proj."]),
    .init("an EDM UNet (SongUNet or DhariwalUNet)", ["map_layer0.", "enc.", "dec."]),
    .init("a score-based model's network (NCSN++ or DDPM++)", ["all_modules.0."]),
    .init("the UNet of the first DDPM code in PyTorch", ["temb.dense.0.", "down.0.block.0.norm1."]),
    .init("the Unet of denoising-diffusion-pytorch", ["init_conv.", "time_mlp.", "downs.0.0."]),
    .init("an early version of simple-diffusion's UNet", ["init_conv.", "mid_attn.fn."]),
    .init("simple-diffusion's UNet with use_flash_attn", ["init_conv.", "down_blocks.0.2.to_qkv."]),
    .init(
      "the ContextUnet of the course 'How Diffusion Models Work'", ["init_conv.conv1.0.", "timeembed1.model.", "contextembed1.model."],
      hint: "its code adds a convolution with new random weights to the first block at every call, and no file has those; "
        + "train network context_unet on the same data"),
    .init("SwinIR or another network of window attention", [".relative_position_bias_table"]),
    .init(
      "the discriminator of Real-ESRGAN", ["conv0.weight", "conv1.weight_orig"],
      hint: "the generator is the file without 'netD' in its name"),
    .init("GFPGAN", ["stylegan_decoder."]),
    .init("ESRGAN of the first architecture at another scale than 4", ["model.1.sub.0.RDB1.conv1.0.weight"]),
    .init("EDSR or another plain residual upscaler", ["conv_first.", "body.0.conv1.", "conv_after_body."]),
  ]
}
