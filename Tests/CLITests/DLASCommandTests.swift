import Foundation
import Testing

/// From a configuration and a checkpoint of DL-Art-School to a restored picture.
@Suite("A model of DL-Art-School") struct DLASCommandTests {
  private static let training = """
    name: enlarge
    model: extensibletrainer
    datasets:
      train: { n_workers: 4, batch_size: 16, mode: imagefolder, rgb_n1_to_1: true, paths: photos, target_size: 16, scale: 2,
               fixed_corruptions: [ jpeg-broad, gaussian_blur ], random_corruptions: [ none ], corruption_blur_scale: 1 }
    networks:
      generator:
        type: generator
        which_model_G: unet_diffusion
        args: { image_size: 16, in_channels: 3, num_corruptions: 2, model_channels: 16, out_channels: 6, num_res_blocks: 1,
                attention_resolutions: [2], dropout: 0, channel_mult: [1, 1], num_heads: 2, use_scale_shift_norm: true }
    steps:
      generator:
        training: generator
        optimizer: adamw
        optimizer_params: { lr: !!float 3e-4, weight_decay: 0, beta1: 0.9, beta2: 0.9999 }
        injectors:
          diffusion:
            type: gaussian_diffusion
            in: hq
            generator: generator
            beta_schedule: { schedule_name: linear, num_diffusion_timesteps: 4000 }
            diffusion_args: { model_mean_type: epsilon, model_var_type: learned_range, loss_type: mse }
            sampler_type: uniform
            model_input_keys: { low_res: lq, corruption_factor: corruption_entropy }
            out: loss
        losses: { diffusion_loss: { type: direct, weight: 1, key: loss } }
    train: { niter: 500000, warmup_iter: -1, mega_batch_factor: 4, ema_rate: .999, default_lr_scheme: MultiStepLR,
             gen_lr_steps: [ 50000 ], lr_gamma: 0.5 }
    logger: { print_freq: 30, save_checkpoint_freq: 500 }
    """

  private static let inference = """
    model: extensibletrainer
    datasets: { train: { skip_lq: true, fixed_parameters: { corruption_entropy: [.2, .5] } } }
    networks: { generator: { which_model_G: unet_diffusion } }
    steps:
      generator:
        injectors:
          restore:
            type: gaussian_diffusion_inference
            generator: generator
            output_scale_factor: 2
            respaced_timestep_spacing: 7
            beta_schedule: { schedule_name: linear, num_diffusion_timesteps: 4000 }
            diffusion_args: { model_mean_type: epsilon, model_var_type: learned_range, loss_type: mse }
            model_input_keys: { low_res: hq, corruption_factor: corruption_entropy }
            out: sample
    """

  /// A tiny network's weights as torch.save wrote them before PyTorch 1.6.
  private static let reference = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/reference/unets/f_dlas_superres.legacy.pt")

  @Test func isImportedConvertedAndRestores() throws {
    let shop = try Workshop(), checkpoint = "500000_generator_ema.pth"
    try shop.write([UInt8](Data(contentsOf: Self.reference)), to: checkpoint)
    try shop.write([UInt8](UpscaleCommandTests.picture), to: "a.png")
    try shop.write(Self.training, to: "train.yml")
    try shop.write(Self.inference, to: "test.yml")
    let imported = try shop.run("recipe", "import", "train.yml", "test.yml")
    try #require(imported.status == 0, "\(imported.errors)")
    #expect(imported.errors.contains("restore with the strengths 0.2, 0.5"))
    try shop.write(imported.output, to: "dlas.yaml")
    let converted = try shop.run("convert", checkpoint, "dlas.safetensors", "--recipe", "dlas.yaml", "--quiet")
    try #require(converted.status == 0, "\(converted.errors)")
    let words = ["restore", "a.png", "-o", "large.png", "--model", "dlas.safetensors", "--scale", "2", "--corruption", "jpeg=.2,blur=.5"]
    let restored = try Program.run(words + ["--quiet", "--json"], in: shop.path)
    try #require(restored.status == 0, "\(restored.errors)")
    // The steps of the inference configuration, and DL-Art-School's sampler of one evaluation each.
    let result = try restored.json(), picture = try #require((result["pictures"] as? [[String: Any]])?.first)
    #expect(result["evaluations"] as? Int == 7)
    #expect(picture["result_width"] as? Int == 10 && picture["strengths"] as? [String: Double] == ["jpeg": 0.2, "gaussian_blur": 0.5])
    // A checkpoint of another network than the configuration's.
    try shop.write(imported.output.replacing("num_res_blocks: 1", with: "num_res_blocks: 2"), to: "other.yaml")
    let other = try shop.run("convert", checkpoint, "other.safetensors", "--recipe", "other.yaml", "--quiet")
    #expect(other.status == 65 && other.errors.contains("num_res_blocks"), "\(other.errors)")
  }
}
