import RecipeKit

/// How a configuration of DL-Art-School samples: of the inference configuration, or of the evaluation within the training's.
struct DLASSampling {
  let lines: [String]
  /// `corruption_entropy` of the inference configuration.
  let strengths: [Double]

  /// The training configuration's own evaluation; DL-Art-School's 50 steps where it has none.
  init(evaluationOf source: ForeignConfiguration) throws(RecipeError) {
    let spacing = try source.text("eval.evaluators.fid.diffusion_params.respaced_timestep_spacing") ?? "50"
    (lines, strengths) = (Self.lines(spacing, usesDDIM: false), [])
  }

  /// - Throws: where the process is not the one that was trained.
  init(_ source: ForeignConfiguration, trained: DLASProcess, _ network: DLASNetwork) throws(RecipeError) {
    let names = source.keys("steps.generator.injectors"), injector = "steps.generator.injectors.\(names.first ?? "")"
    guard names.count == 1 else {
      throw source.problem("steps.generator.injectors", "expected one injector, of type gaussian_diffusion_inference, not \(names.count)")
    }
    let process = try DLASProcess(source, injector: injector, type: "gaussian_diffusion_inference")
    guard process == trained else {
      throw source.problem(injector, "expected the schedule and the diffusion_args of the training configuration")
    }
    let spacing = try source.text("\(injector).respaced_timestep_spacing") ?? "\(process.steps)"
    let usesDDIM = try source.flag("\(injector).use_ddim") ?? false
    let noise = try source.text("\(injector).noise_type") ?? "random"
    guard noise == "random" else { throw source.problem("\(injector).noise_type", "expected random") }
    let entropy = "datasets.train.fixed_parameters.corruption_entropy"
    strengths = try source.numbers(entropy) ?? []
    guard strengths.isEmpty || strengths.count == network.corruptions, strengths.allSatisfy({ (0...1).contains($0) }) else {
      throw source.problem(entropy, "expected \(network.corruptions) numbers from 0 to 1")
    }
    lines = Self.lines(spacing, usesDDIM: usesDDIM)
    source.leaveOut(
      "\(injector).output_batch_size", "\(injector).output_scale_factor", "\(injector).undo_n1_to_1", "\(injector).use_ema",
      "\(injector).use_ema_model")
  }

  /// The sections that repeat the training's or say where it ran.
  static func leaveOut(_ source: ForeignConfiguration) {
    source.leaveOut(
      "name", "use_tb_logger", "model", "scale", "gpu_ids", "start_step", "checkpointing_enabled", "fp16", "wandb", "datasets", "networks",
      "path", "eval", "steps.generator.training", "logger", "train")
  }

  private static func lines(_ spacing: String, usesDDIM: Bool) -> [String] {
    [
      "sampler: { type: \(usesDDIM ? "ddim" : "ddpm") }",
      "sampling: { spacing: '\(usesDDIM && !spacing.hasPrefix("ddim") ? "ddim" : "")\(spacing.replacing("'", with: ""))' }",
    ]
  }
}
