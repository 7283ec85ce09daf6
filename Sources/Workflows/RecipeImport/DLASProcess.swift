import RecipeKit

/// The diffusion of a configuration of DL-Art-School: an injector `gaussian_diffusion`, for training, or `gaussian_diffusion_inference`.
struct DLASProcess: Equatable {
  let schedule: String, steps: Int, parameterization: String, variance: String, loss: String

  /// The name of the one injector of a training configuration.
  static func injector(of source: ForeignConfiguration) throws(RecipeError) -> String {
    let names = source.keys("steps.generator.injectors")
    guard names.count == 1 else {
      throw source.problem("steps.generator.injectors", "expected one injector, of type gaussian_diffusion, not \(names.count)")
    }
    return names[0]
  }

  init(_ source: ForeignConfiguration, injector: String, type: String = "gaussian_diffusion") throws(RecipeError) {
    guard try source.text("\(injector).type") == type else { throw source.problem("\(injector).type", "expected \(type)") }
    schedule = try Self.choice(source, "\(injector).beta_schedule.schedule_name", ["linear": "linear", "cosine": "cosine"])
    guard let count = try source.integer("\(injector).beta_schedule.num_diffusion_timesteps"), (2...100_000).contains(count) else {
      throw source.problem("\(injector).beta_schedule.num_diffusion_timesteps", "expected 2 to 100000")
    }
    steps = count
    let arguments = "\(injector).diffusion_args"
    parameterization = try Self.choice(
      source, "\(arguments).model_mean_type", ["epsilon": "epsilon", "start_x": "x0", "previous_x": "previous_x"])
    variance = try Self.choice(
      source, "\(arguments).model_var_type",
      ["learned_range": "learned_range", "learned": "learned", "fixed_small": "fixed_small", "fixed_large": "fixed_large"])
    loss = try Self.choice(
      source, "\(arguments).loss_type", ["mse": "mse", "rescaled_mse": "rescaled_mse", "kl": "kl", "rescaled_kl": "rescaled_kl"])
    guard try source.flag("\(arguments).rescale_timesteps") ?? false == false else {
      throw source.problem("\(arguments).rescale_timesteps", "expected false")
    }
    try Self.refuse(source, injector, isTraining: type == "gaussian_diffusion")
  }

  private static func refuse(_ source: ForeignConfiguration, _ injector: String, isTraining: Bool) throws(RecipeError) {
    for key in ["conditioning_free", "ramp_conditioning_free", "channel_balancer_fn", "causal_mask_size_range"] {
      guard try source.flag("\(injector).\(key)") ?? false == false else { throw source.problem("\(injector).\(key)", "expected false") }
    }
    guard try source.number("\(injector).deterministic_timesteps_every") ?? 0 == 0 else {
      throw source.problem("\(injector).deterministic_timesteps_every", "expected 0")
    }
    guard try source.text("\(injector).sampler_type") ?? "uniform" == "uniform" else {
      throw source.problem("\(injector).sampler_type", "expected uniform")
    }
    let wanted = ["low_res": isTraining ? "lq" : "hq", "corruption_factor": "corruption_entropy"]
    for key in source.keys("\(injector).model_input_keys") {
      let path = "\(injector).model_input_keys.\(key)"
      guard let expected = wanted[key] else { throw source.problem(path, "expected only low_res and corruption_factor") }
      guard try source.text(path) == expected else { throw source.problem(path, "expected \(expected)") }
    }
    source.leaveOut(
      "\(injector).in", "\(injector).generator", "\(injector).out", "\(injector).out_key_vb_loss", "\(injector).out_key_x_start")
  }

  private static func choice(
    _ source: ForeignConfiguration, _ path: String, _ names: [String: String]
  ) throws(RecipeError) -> String {
    guard let text = try source.text(path), let name = names[text] else {
      throw source.problem(path, "expected \(names.keys.sorted().joined(separator: ", "))")
    }
    return name
  }

  var lines: [String] {
    [
      "process:", "  schedule: { type: \(schedule), steps: \(steps) }", "  parameterization: \(parameterization)",
      "  variance: \(variance)",
    ]
  }
}
