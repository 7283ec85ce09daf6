import RecipeKit

/// `train` and the optimizer of a configuration of DL-Art-School.
struct DLASTraining {
  let lines: [String]

  init(_ source: ForeignConfiguration, batch: Int) throws(RecipeError) {
    let step = "steps.generator", parameters = "\(step).optimizer_params"
    guard try source.text("\(step).optimizer") ?? "adamw" == "adamw" else { throw source.problem("\(step).optimizer", "expected adamw") }
    guard let rate = try source.number("\(parameters).lr") else { throw source.problem("\(parameters).lr", "expected a learning rate") }
    let (decay, beta1, beta2) = (
      try source.number("\(parameters).weight_decay") ?? 0.01, try source.number("\(parameters).beta1") ?? 0.9,
      try source.number("\(parameters).beta2") ?? 0.9999
    )
    guard let steps = try source.integer("train.niter"), steps > 0, steps <= 1 << 40 else {
      throw source.problem("train.niter", "expected the number of steps")
    }
    var lines = [
      "training:", "  batch_size: \(batch)", "  duration: \(steps * batch)", "  learning_rate: \(rate)",
      "  optimizer: { type: adamw, beta1: \(beta1), beta2: \(beta2), weight_decay: \(decay.short) }",
      "  ema_rate: \(try source.number("train.ema_rate") ?? 0.999)", "  gradient_clip: \(try Self.clip(source, step))",
      "  loss: \(try Self.loss(source))",
    ]
    if let factor = try source.integer("train.mega_batch_factor"), factor > 1 {
      guard batch % factor == 0 else { throw source.problem("train.mega_batch_factor", "expected a divisor of the batch size \(batch)") }
      lines.append("  microbatch: \(batch / factor)")
    }
    // Half precision there; here with the range of float32.
    if try source.flag("fp16") ?? false { lines.append("  precision: bfloat16") }
    lines += try Self.schedule(source, batch, steps)
    for (key, path) in [("log_every", "print_freq"), ("checkpoint_every", "save_checkpoint_freq"), ("preview_every", "visual_debug_rate")] {
      if let every = try source.integer("logger.\(path)"), every > 0 { lines.append("  \(key): \(min(every, 1 << 30) * batch)") }
    }
    self.lines = lines
  }

  private static func clip(_ source: ForeignConfiguration, _ step: String) throws(RecipeError) -> String {
    (try source.number("\(step).clip_grad_eps") ?? 0).short
  }

  private static func schedule(_ source: ForeignConfiguration, _ batch: Int, _ steps: Int) throws(RecipeError) -> [String] {
    var lines: [String] = []
    if let warmup = try source.integer("train.warmup_iter"), warmup > 0 { lines.append("  warmup_images: \(min(warmup, 1 << 40) * batch)") }
    switch try source.text("train.default_lr_scheme") {
    case nil: return lines
    case "MultiStepLR":
      guard let at = try source.numbers("train.gen_lr_steps"), let factor = try source.number("train.lr_gamma") else {
        throw source.problem("train.gen_lr_steps", "expected steps, and lr_gamma")
      }
      let images = at.map { ($0 * Double(batch)).short }.joined(separator: ", ")
      return lines + ["  decay: { type: steps, at: [\(images)], factor: \(factor.short) }"]
    default: throw source.problem("train.default_lr_scheme", "expected MultiStepLR")
    }
  }

  /// The losses that the injector's outputs are given to; both count once there, as `mse` does here.
  private static func loss(_ source: ForeignConfiguration) throws(RecipeError) -> String {
    for name in source.keys("steps.generator.losses") {
      let path = "steps.generator.losses.\(name)"
      guard try source.text("\(path).type") == "direct" else { throw source.problem("\(path).type", "expected direct") }
      guard try source.number("\(path).weight") ?? 1 == 1 else { throw source.problem("\(path).weight", "expected 1") }
      source.leaveOut("\(path).key")
    }
    let injector = "steps.generator.injectors.\(try DLASProcess.injector(of: source))"
    return try source.text("\(injector).diffusion_args.loss_type") ?? "mse"
  }
}
