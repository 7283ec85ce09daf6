// What the publishers released. Flags: the READMEs of github.com/openai/guided-diffusion, github.com/openai/improved-diffusion and
// github.com/edogariu/nice-diffusion. What runs or trains the network and does not describe it (use_fp16) is left out, and so are
// the defaults of the programs.

extension Preset {
  static let guidedDiffusion: [Preset] = [
    Preset(
      "adm-imagenet64", "64x64_diffusion.pt", .guidedDiffusion,
      "--attention_resolutions 32,16,8 --class_cond True --diffusion_steps 1000 --dropout 0.1 --image_size 64 --learn_sigma True "
        + "--noise_schedule cosine --num_channels 192 --num_head_channels 64 --num_res_blocks 3 --resblock_updown True "
        + "--use_new_attention_order True --use_scale_shift_norm True",
      steps: 250, .adm(296), note: "guided by adm-classifier64 at scale 1"),
    Preset(
      "adm-imagenet128", "128x128_diffusion.pt", .guidedDiffusion,
      "--attention_resolutions 32,16,8 --class_cond True --diffusion_steps 1000 --image_size 128 --learn_sigma True "
        + "--noise_schedule linear --num_channels 256 --num_heads 4 --num_res_blocks 2 --resblock_updown True "
        + "--use_scale_shift_norm True",
      steps: 250, .adm(422), note: "guided by adm-classifier128 at scale 0.5"),
    Preset(
      "adm-imagenet256", "256x256_diffusion.pt", .guidedDiffusion, adm256(isClassConditional: true), steps: 250, .adm(554),
      note: "guided by adm-classifier256 at scale 1"),
    Preset(
      "adm-imagenet256-uncond", "256x256_diffusion_uncond.pt", .guidedDiffusion, adm256(isClassConditional: false), steps: 250,
      // The paper's table lists the same network, LSUN's, alone.
      .adm(552), note: "guided by adm-classifier256 at scale 10"),
    Preset(
      "adm-imagenet512", "512x512_diffusion.pt", .guidedDiffusion,
      "--attention_resolutions 32,16,8 --class_cond True --diffusion_steps 1000 --image_size 512 --learn_sigma True "
        + "--noise_schedule linear --num_channels 256 --num_head_channels 64 --num_res_blocks 2 --resblock_updown True "
        + "--use_scale_shift_norm True",
      steps: 250, .adm(559), note: "guided by adm-classifier512 at scale 4"),
    Preset(
      "adm-upsampler64-256", "64_256_upsampler.pt", .guidedDiffusion,
      "--attention_resolutions 32,16,8 --class_cond True --diffusion_steps 1000 --large_size 256 --small_size 64 --learn_sigma True "
        + "--noise_schedule linear --num_channels 192 --num_heads 4 --num_res_blocks 2 --resblock_updown True "
        + "--use_scale_shift_norm True",
      steps: 250, .admUpsampler(312)),
    Preset(
      "adm-upsampler128-512", "128_512_upsampler.pt", .guidedDiffusion,
      "--attention_resolutions 32,16 --class_cond True --diffusion_steps 1000 --large_size 512 --small_size 128 --learn_sigma True "
        + "--noise_schedule linear --num_channels 192 --num_head_channels 64 --num_res_blocks 2 --resblock_updown True "
        + "--use_scale_shift_norm True",
      steps: 250, .admUpsampler(309)),
    lsun("adm-lsun-bedroom", "lsun_bedroom.pt"), lsun("adm-lsun-cat", "lsun_cat.pt"), lsun("adm-lsun-horse", "lsun_horse.pt"),
    lsun("adm-lsun-horse-nodropout", "lsun_horse_nodropout.pt", dropout: "0.0"),
  ]

  /// The README gives flags for training the one of 128 and says to change them for the others: depth and schedule are of the paper's
  /// table 12.
  static let classifiers: [Preset] = [
    classifier("adm-classifier64", 64, depth: 4, schedule: "cosine", .admClassifier(65)),
    classifier("adm-classifier128", 128, .admClassifier(43)), classifier("adm-classifier256", 256, .admClassifier(54)),
    classifier("adm-classifier512", 512, .admClassifier(54)),
  ]

  static let improvedDiffusion: [Preset] = [
    improved64("iddpm-imagenet64", "imagenet64_uncond_100M_1500K.pt"),
    improved64("iddpm-imagenet64-vlb", "imagenet64_uncond_vlb_100M_1500K.pt", kl: " --use_kl True"),
    cifar10("iddpm-cifar10", "cifar10_uncond_50M_500K.pt"),
    cifar10("iddpm-cifar10-vlb", "cifar10_uncond_vlb_50M_500K.pt", kl: " --use_kl True"),
    Preset(
      "iddpm-imagenet64-cond", "imagenet64_cond_270M_250K.pt", .improvedDiffusion,
      "--image_size 64 --num_channels 192 --num_res_blocks 3 --learn_sigma True --class_cond True --diffusion_steps 4000 "
        + "--noise_schedule cosine --rescale_learned_sigmas False --rescale_timesteps False",
      steps: 250, .iddpm(270, within: 5, "README, two digits")),
    Preset(
      "iddpm-upsampler64-256", "upsample_cond_500K.pt", .improvedDiffusion,
      "--large_size 256 --small_size 64 --num_channels 192 --num_res_blocks 2 --learn_sigma True --class_cond True "
        + "--diffusion_steps 4000 --noise_schedule linear --rescale_learned_sigmas False --rescale_timesteps False",
      steps: 250, .iddpm(280, within: 5, "README, two digits"), note: "enlarges the samples of iddpm-imagenet64-cond"),
    improvedLSUN("iddpm-lsun-bedroom", "lsun_uncond_100M_1200K_bs128.pt"),
    improvedLSUN("iddpm-lsun-bedroom-2400k", "lsun_uncond_100M_2400K_bs64.pt"),
  ]

  /// OpenAI's networks are here under nice-diffusion's names: files that its author converted, or that were trained on from those.
  static let niceDiffusion: [Preset] = [
    Preset(
      "nice-emnist-letters", "EMNIST_model_params.pt", .niceDiffusion,
      "--resolution 28 --num_classes 26 --in_channels 1 --model_channels 64 --attention_resolutions 7/14 --channel_mult 1/2/4 "
        + "--num_res_blocks 2 --num_heads 4 --split_qkv_first --resblock_updown --use_adaptive_gn --beta_schedule cosine "
        + "--sampling_var_type learned_interpolation --guidance_method classifier_free --guidance_strength 0.8",
      steps: 25,
      Size(
        parameters: 72_069_719 / 4, tolerance: 100_000,
        source: "the file's 72 069 719 bytes (git-lfs pointer in its repository), of which some 100 000 are names"),
      note: "class 0 stands for none, 1 to 26 for A to Z"),
    Preset(
      "nice-imagenet64", "64x64_diffusion.pt", .niceDiffusion,
      "--resolution 64 --num_classes 1000 --in_channels 3 --model_channels 192 --attention_resolutions 8/16/32 --channel_mult 1/2/3/4 "
        + "--num_res_blocks 3 --num_head_channels 64 --split_qkv_first --resblock_updown --use_adaptive_gn --beta_schedule cosine "
        + "--sampling_var_type learned_interpolation --use_ddim --ddim_eta 0.0",
      steps: 25, .adm(296), note: "nice-diffusion's names for adm-imagenet64"),
    Preset(
      "nice-imagenet128", "128x128_diffusion.pt", .niceDiffusion,
      "--resolution 128 --num_classes 1000 --in_channels 3 --model_channels 256 --attention_resolutions 8/16/32 "
        + "--channel_mult 1/1/2/3/4 --num_res_blocks 2 --num_heads 4 --resblock_updown --use_adaptive_gn --beta_schedule linear "
        + "--sampling_var_type learned_interpolation --use_ddim --ddim_eta 0.0",
      steps: 25, .adm(422), note: "nice-diffusion's names for adm-imagenet128"),
    Preset(
      "nice-imagenet256-uncond", "256x256_diffusion_uncond.pt", .niceDiffusion,
      "--resolution 256 --in_channels 3 --model_channels 256 --attention_resolutions 8/16/32 --channel_mult 1/1/2/2/4/4 "
        + "--num_res_blocks 2 --num_head_channels 64 --resblock_updown --use_adaptive_gn --beta_schedule linear "
        + "--sampling_var_type learned_interpolation --use_ddim --ddim_eta 0.0",
      steps: 25, .adm(552), note: "nice-diffusion's names for adm-imagenet256-uncond"),
  ]

  // MARK: Families

  private static func adm256(isClassConditional: Bool, dropout: String? = nil) -> String {
    "--attention_resolutions 32,16,8 --class_cond \(isClassConditional ? "True" : "False") --diffusion_steps 1000 "
      + (dropout.map { "--dropout \($0) " } ?? "") + "--image_size 256 --learn_sigma True --noise_schedule linear --num_channels 256 "
      + "--num_head_channels 64 --num_res_blocks 2 --resblock_updown True --use_scale_shift_norm True"
  }

  private static func lsun(_ name: String, _ file: String, dropout: String = "0.1") -> Preset {
    Preset(
      name, file, .guidedDiffusion, adm256(isClassConditional: false, dropout: dropout), steps: 1000, .adm(552))
  }

  private static func classifier(_ name: String, _ size: Int, depth: Int = 2, schedule: String = "linear", _ count: Size) -> Preset {
    Preset(
      name, "\(size)x\(size)_classifier.pt", .guidedDiffusion,
      "--image_size \(size) --classifier_attention_resolutions 32,16,8 --classifier_depth \(depth) --classifier_width 128 "
        + "--classifier_pool attention --classifier_resblock_updown True --classifier_use_scale_shift_norm True "
        + "--diffusion_steps 1000 --noise_schedule \(schedule)",
      steps: 0, count)
  }

  private static func improved64(_ name: String, _ file: String, kl: String = "") -> Preset {
    Preset(
      name, file, .improvedDiffusion,
      "--image_size 64 --num_channels 128 --num_res_blocks 3 --learn_sigma True --diffusion_steps 4000 --noise_schedule cosine" + kl,
      steps: 250, .iddpm(100, within: 50, "the file's name, one digit"))
  }

  private static func cifar10(_ name: String, _ file: String, kl: String = "") -> Preset {
    Preset(
      name, file, .improvedDiffusion,
      "--image_size 32 --num_channels 128 --num_res_blocks 3 --learn_sigma True --dropout 0.3 --diffusion_steps 4000 "
        + "--noise_schedule cosine" + kl,
      steps: 250, .iddpm(50, within: 5, "the file's name, one digit"))
  }

  private static func improvedLSUN(_ name: String, _ file: String) -> Preset {
    Preset(
      name, file, .improvedDiffusion,
      "--image_size 256 --num_channels 128 --num_res_blocks 2 --num_heads 1 --learn_sigma True --use_scale_shift_norm False "
        + "--attention_resolutions 16 --diffusion_steps 1000 --noise_schedule linear --rescale_learned_sigmas False "
        + "--rescale_timesteps False",
      steps: 250, .iddpm(100, within: 50, "the file's name, one digit"))
  }
}

// MARK: Published counts, in millions

extension Preset.Size {
  /// Dhariwal and Nichol 2021 (arXiv:2105.05233v4), table 11: whole millions, some cut off instead of rounded.
  fileprivate static func adm(_ millions: Int) -> Self {
    Self(parameters: millions * 1_000_000, tolerance: 1_000_000, source: "arXiv:2105.05233v4, table 11, whole millions")
  }

  /// Table 12.
  fileprivate static func admClassifier(_ millions: Int) -> Self {
    Self(parameters: millions * 1_000_000, tolerance: 500_000, source: "arXiv:2105.05233v4, table 12, whole millions")
  }

  /// Table 13.
  fileprivate static func admUpsampler(_ millions: Int) -> Self {
    Self(parameters: millions * 1_000_000, tolerance: 500_000, source: "arXiv:2105.05233v4, table 13, whole millions")
  }

  fileprivate static func iddpm(_ millions: Int, within: Int, _ source: String) -> Self {
    Self(parameters: millions * 1_000_000, tolerance: within * 1_000_000, source: "improved-diffusion, \(source)")
  }
}
