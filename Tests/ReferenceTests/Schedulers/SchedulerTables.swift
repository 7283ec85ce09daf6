import Diffusion
import Interop
import Tensors

/// The manifest of tables: betas, their products, timesteps, and images made noisy.
struct SchedulerTables {
  let manifest: Manifest

  init(_ manifest: Manifest) throws {
    let known: Set<String> = ["num_train_timesteps", "beta_start", "beta_end"]
    guard Set(manifest.config.keys) == known else { throw ReferenceError("the config \(manifest.config) is not understood") }
    self.manifest = manifest
  }

  func reproduction() throws -> Reproduction {
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted { reproduction.tensors[entry.name] = try tensor(entry.name) }
    return reproduction
  }

  private func tensor(_ name: String) throws -> Tensor {
    let parts = name.split(separator: "/").map(String.init)
    if parts.count == 3, parts[0] == "timesteps", let steps = Int(parts[2]) { return try timesteps(spacing: parts[1], steps) }
    switch (parts[0], parts.last) {
    case ("add_noise", _): return qSample(try manifest.tensor("x_0"), at: try levels(), noise: try manifest.tensor("noise"))
    case ("get_velocity", _):
      return Parameterization.v.target(x0: try manifest.tensor("x_0"), noise: try manifest.tensor("noise"), at: try levels())
    case (let schedule, "betas"): return Tensor(try process(schedule).betas)
    case (let schedule, "alphas_cumprod"): return Tensor(try process(schedule).alphaBar)
    default: throw ReferenceError("'\(name)' is not understood")
    }
  }

  private func scheduler(_ kind: DiffusersScheduler.Kind, _ arguments: [String: JSON]) throws -> DiffusersScheduler {
    let all = manifest.config.merging(arguments) { $1 }.merging(["_class_name": .string(kind.rawValue)]) { $1 }
    return try DiffusersScheduler(json: "\(JSON.object(all))", file: manifest.name)
  }

  /// `linear` or `linear_zero_snr`.
  private func process(_ name: String) throws -> DiscreteProcess {
    let isRescaled = name.hasSuffix("_zero_snr")
    let schedule = isRescaled ? String(name.dropLast("_zero_snr".count)) : name
    // Predicting v, as nothing else is allowed everywhere in pure noise.
    let arguments: [String: JSON] = [
      "beta_schedule": .string(schedule), "rescale_betas_zero_snr": .bool(isRescaled), "prediction_type": .string("v_prediction"),
    ]
    return try scheduler(.ddpm, arguments).process.makeDiffusion().process
  }

  /// The schedule is named in words only.
  private func levels() throws -> [NoiseLevel] { try process("squaredcos_cap_v2").levels(manifest.tensor("t").ints()) }

  /// DDIM's; the offset of `leading` is named in words only.
  private func timesteps(spacing: String, _ steps: Int) throws -> Tensor {
    let offset = spacing == "leading" ? 1.0 : 0
    let arguments: [String: JSON] = ["timestep_spacing": .string(spacing), "steps_offset": .number(offset)]
    let scheduler = try scheduler(.ddim, arguments)
    return Tensor(try scheduler.levels(steps: steps, in: scheduler.process.makeDiffusion().process).dropLast().map { Int($0.timestep) })
  }
}
