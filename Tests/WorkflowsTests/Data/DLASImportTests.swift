import Failures
import Foundation
import RecipeKit
import TestSupport
import Testing

@testable import Workflows

@Suite("Recipes of DL-Art-School") struct DLASImportTests {
  static let training = """
    name: enlarge
    model: extensibletrainer
    gpu_ids: [0]
    checkpointing_enabled: true
    datasets:
      train:
        n_workers: 4
        batch_size: 256
        mode: imagefolder
        rgb_n1_to_1: true
        paths: my photos
        target_size: 256
        scale: 2
        fixed_corruptions: [ jpeg-broad, gaussian_blur ]
        random_corruptions: [ none ]
        corruption_blur_scale: 1
    networks:
      generator:
        type: generator
        which_model_G: unet_diffusion
        args: { image_size: 256, in_channels: 3, num_corruptions: 2, model_channels: 192, out_channels: 6, num_res_blocks: 2,
                attention_resolutions: [8, 16], dropout: 0, channel_mult: [1, 1, 2, 2, 4, 4], num_heads: 4, use_scale_shift_norm: true }
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
        losses:
          diffusion_loss: { type: direct, weight: 1, key: loss }
    train:
      niter: 500000
      warmup_iter: -1
      mega_batch_factor: 32
      ema_rate: .999
      default_lr_scheme: MultiStepLR
      gen_lr_steps: [ 50000, 100000, 150000 ]
      lr_gamma: 0.5
    logger: { print_freq: 30, save_checkpoint_freq: 500 }
    """

  static let inference = """
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
            respaced_timestep_spacing: 100
            beta_schedule: { schedule_name: linear, num_diffusion_timesteps: 4000 }
            diffusion_args: { model_mean_type: epsilon, model_var_type: learned_range, loss_type: mse }
            model_input_keys: { low_res: hq, corruption_factor: corruption_entropy }
            out: sample
    """

  let scratch = try! ScratchFolder()

  private func imported(
    _ changes: [(String, String)] = [], inference: String? = nil
  ) throws -> (recipe: TrainRecipe, found: DLASImport) {
    var text = Self.training
    for (old, new) in changes {
      #expect(text.contains(old), "\(old)")
      text = text.replacing(old, with: new)
    }
    let file = try scratch.file("train.yml"), other = try scratch.file("test.yml")
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    try inference?.write(toFile: other, atomically: true, encoding: .utf8)
    let found = try DLASImport(training: file, inference: inference.map { _ in other })
    return (try TrainRecipe(yaml: found.yaml), found)
  }

  @Test func theReferenceConfigurationIsTheBundledRecipe() throws {
    let (recipe, found) = try imported()
    var bundled = try TrainRecipe(path: Checkout.recipe("restore-256.yaml"))
    // What only says where the pictures are and how they are loaded.
    bundled.data = recipe.data
    bundled.loading = recipe.loading
    bundled.training.previewEvery = recipe.training.previewEvery
    let size = "    image_size: 256\n", count = "  num_corruptions: 2\n"
    #expect(recipe.yaml().contains(size) && recipe.yaml().contains(count))
    let open = recipe.yaml().replacing(size, with: "    image_size: null\n").replacing(count, with: "  num_corruptions: null\n")
    #expect(open == bundled.yaml())
    #expect(found.leftOut.contains { $0.hasSuffix("train.yml:3: gpu_ids") })
    #expect(!found.leftOut.contains { $0.hasSuffix("batch_size") })
  }

  @Test func theInferenceConfigurationGivesStepsAndStrengths() throws {
    let (recipe, found) = try imported(inference: Self.inference)
    #expect(
      recipe.yaml().contains("spacing: \"100\"") || recipe.yaml().contains("spacing: '100'") || recipe.yaml().contains("spacing: 100"))
    #expect(found.strengths == [0.2, 0.5])
  }

  @Test func anInferenceOfAnotherProcessIsRefused() throws {
    let error = #expect(throws: RecipeError.self) {
      try imported(inference: Self.inference.replacing("num_diffusion_timesteps: 4000", with: "num_diffusion_timesteps: 1000"))
    }
    #expect("\(error!)".contains("test.yml:8"), "\(error!)")
  }

  @Test(
    "Refuses, with the line, what would change the result",
    arguments: [
      ("mode: imagefolder", "mode: paired", "train.yml:9"), ("rgb_n1_to_1: true", "rgb_n1_to_1: false", "train.yml:10"),
      ("random_corruptions: [ none ]", "random_corruptions: [ noise ]", "random_corruptions"),
      ("fixed_corruptions: [ jpeg-broad, gaussian_blur ]", "fixed_corruptions: [ jpeg-broad, motion_blur ]", "'motion_blur'"),
      ("fixed_corruptions: [ jpeg-broad, gaussian_blur ]", "fixed_corruptions: [ jpeg-broad ]", "num_corruptions"),
      ("which_model_G: unet_diffusion", "which_model_G: rrdb_diffusion", "expected unet_diffusion"),
      ("attention_resolutions: [8, 16]", "attention_resolutions: [7]", "divide image_size 256"),
      ("sampler_type: uniform", "sampler_type: loss-second-moment", "expected uniform"),
      ("weight: 1, key", "weight: 2, key", "expected 1"), ("mega_batch_factor: 32", "mega_batch_factor: 7", "divisor"),
      ("ema_rate: .999", "ema_rate: .999\n  swa: true", "train.swa"), ("batch_size: 256", "batch_size: many", "expected a number"),
      ("schedule_name: linear", "schedule_name: sqrt", "expected cosine, linear"),
    ])
  func refuses(_ old: String, _ new: String, _ words: String) throws {
    let error = #expect(throws: RecipeError.self) { try imported([(old, new)]) }
    #expect("\(error!)".contains(words), "\(error!)")
  }

  @Test func whatIsComputedDifferentlyIsSaid() throws {
    #expect(try imported().found.differences == [])
    let (recipe, found) = try imported([("[ jpeg-broad, gaussian_blur ]", "[ jpeg-broad, noise ]")])
    #expect(recipe.corruptions?.corruptionNames == ["jpeg", "noise"])
    #expect(found.differences.count == 1 && found.differences[0].contains("train.yml:14: noise is Gaussian here"))
  }

  @Test func severalFoldersBecomeAMix() throws {
    let (recipe, _) = try imported([("paths: my photos", "paths: [a, \"it's\"]\n    weights: [2, 1]")])
    #expect(recipe.data.type == "mix")
    #expect(recipe.data.member.paths.map { ($0 as NSString).lastPathComponent } == ["a", "it's"])
  }

  @Test func aMissingFileAndOneThatIsNotAConfigurationSaySo() throws {
    let missing = #expect(throws: RecipeError.self) { try DLASImport(training: "nowhere.yml") }
    #expect(missing?.failure == .missing && missing?.description == "nowhere.yml: no such recipe")
    let file = try scratch.file("empty.yml")
    try "# nothing\n".write(toFile: file, atomically: true, encoding: .utf8)
    #expect(throws: RecipeError.self) { try DLASImport(training: file) }
  }
}

private enum Checkout {
  static func recipe(_ name: String) -> String {
    Fixture.clone.appendingPathComponent("recipes/\(name)").path
  }
}
