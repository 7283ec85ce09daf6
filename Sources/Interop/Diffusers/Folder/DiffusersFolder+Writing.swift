import Checkpoints
import Diffusion
import Failures
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors

extension DiffusersFolder {
  /// Writes a model as a pipeline that diffusers loads, `DDPMPipeline` or, for a model that samples by DDIM, `DDIMPipeline`, whole or
  /// not at all: an ADM UNet or a UNet2DModel, whose outputs there are the same.
  ///
  /// Another sampler is exchanged there, as `DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)`. A network that
  /// takes classes needs a sampling loop of its own there, since these pipelines pass none.
  ///
  /// - Parameter path: a new folder, or an empty one.
  /// - Throws: `SfumatoError` that names the option which diffusers cannot express, and why; `CheckpointError` when the system refuses
  ///   to write.
  public static func write(_ model: Model, to path: String) throws {
    let (unet, state) = try network(of: model)
    let scheduler = try schedulerOptions(model.recipe)
    let kind = scheduler["_class_name"] as? String ?? ""
    try checkFree(path)
    guard let unfinished = UnfinishedOutput(of: path, .folder) else {
      throw CheckpointError(.io, path, "cannot be written: \(String(cString: strerror(errno)).lowercased())")
    }
    let temporary = unfinished.path
    do {
      for part in [DiffusersLayout.unetPart, DiffusersLayout.schedulerPart] { try makeFolder("\(temporary)/\(part)", for: path) }
      try AtomicFile.write(
        String(decoding: unet.json, as: UTF8.self), to: "\(temporary)/\(DiffusersLayout.unetPart)/\(DiffusersLayout.configName)")
      try Safetensors.write(
        state, metadata: ["format": "pt"], to: "\(temporary)/\(DiffusersLayout.unetPart)/\(DiffusersWeights.name).safetensors")
      try write(scheduler, to: "\(temporary)/\(DiffusersLayout.schedulerPart)/\(DiffusersLayout.schedulerName)")
      let index: [String: Any] = [
        "_class_name": kind == DiffusersScheduler.Kind.ddim.rawValue ? "DDIMPipeline" : "DDPMPipeline",
        DiffusersLayout.schedulerPart: ["diffusers", kind],
        DiffusersLayout.unetPart: ["diffusers", UNet2DConfig.className],
      ]
      try write(index, to: "\(temporary)/\(DiffusersLayout.indexName)")
      try AtomicFile.move(temporary, to: path)
    } catch {
      unfinished.remove()
      throw error
    }
  }

  // MARK: Files

  private static func checkFree(_ path: String) throws {
    let files = FileManager.default, parent = path.parentFolder
    guard parent.isEmpty || files.fileExists(atPath: parent) else {
      throw SfumatoError(.io, "\(path): cannot be written: there is no folder \(parent); make it first")
    }
    guard files.fileExists(atPath: path) else { return }
    guard let contents = try? files.contentsOfDirectory(atPath: path), contents.isEmpty else {
      throw SfumatoError(.io, "\(path): cannot be written: it is there already; give the name of a new folder")
    }
  }

  private static func makeFolder(_ folder: String, for path: String) throws {
    if let problem = folder.makeFolder() { throw CheckpointError(.io, path, "cannot be written: no folder can be made there: \(problem)") }
  }

  private static func write(_ object: [String: Any], to path: String) throws {
    let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
    try AtomicFile.write(String(decoding: data, as: UTF8.self), to: path)
  }

  // MARK: What is written

  private static func network(of model: Model) throws -> (UNet2DConfig, StateDict) {
    let data = model.recipe.data
    let recipe: UNet2DModel.Recipe, state: StateDict
    do {
      switch model.network {
      case let network as UNet2DModel: (recipe, state) = (network.recipe, network.stateDict())
      case let network as ADMUNet:
        (recipe, state) = (try UNet2DModel.Recipe(expressing: network.recipe), try network.unet2DState())
      default:
        throw SfumatoError(
          .data, "network \(model.recipe.network.type) cannot be written for diffusers: its UNet2DModel is another network")
      }
    } catch let error as RecipeError { throw SfumatoError(.data, "the model cannot be written for diffusers: \(error)") }
    guard data.height % recipe.sizeStep == 0, data.width % recipe.sizeStep == 0 else {
      throw SfumatoError(
        .data,
        "the model cannot be written for diffusers: its images of \(data.height) x \(data.width) are padded to multiples of "
          + "\(recipe.sizeStep), which a UNet2DModel does not do")
    }
    return (UNet2DConfig(recipe: recipe, height: data.height, width: data.width), state)
  }

  /// `scheduler_config.json` of a model.
  static func schedulerOptions(_ model: ModelRecipe) throws -> [String: Any] {
    let process = model.process, sampling = model.sampling
    if process.parameterization == .velocity { return try flowOptions(process) }
    let variance = try varianceType(process.variance)
    var options: [String: Any] = [
      "variance_type": variance, "prediction_type": try predictionType(process.parameterization),
      "rescale_betas_zero_snr": process.rescaleBetasZeroSnr, "clip_sample_range": sampling.clipSampleRange,
      "clip_sample": sampling.clip && sampling.dynamicThresholdingRatio == nil,
      "thresholding": sampling.dynamicThresholdingRatio != nil,
      "dynamic_thresholding_ratio": sampling.dynamicThresholdingRatio ?? 0.995,
      // diffusers has no value for "any": one that no estimate reaches.
      "sample_max_value": sampling.sampleMaxValue ?? (sampling.dynamicThresholdingRatio == nil ? 1 : 1e6), "steps_offset": 0,
    ]
    switch sampling.spacing {
    case .leading: options["timestep_spacing"] = "leading"
    case .leadingOffset(let offset): (options["timestep_spacing"], options["steps_offset"]) = ("leading", offset)
    case .linspace: options["timestep_spacing"] = "linspace"
    default: options["timestep_spacing"] = "trailing"
    }
    // DDIMScheduler ignores a learned variance.
    if model.sampler.recipe is DDIM, !process.variance.isLearned {
      options["_class_name"] = DiffusersScheduler.Kind.ddim.rawValue
      options["set_alpha_to_one"] = sampling.final == .clean
      options["variance_type"] = nil
    } else {
      options["_class_name"] = DiffusersScheduler.Kind.ddpm.rawValue
    }
    return options.merging(try betas(process)) { $1 }
  }

  /// That of a network which predicts the velocity of the straight path.
  private static func flowOptions(_ process: ProcessRecipe) throws -> [String: Any] {
    guard let schedule = process.schedule.member as? RectifiedFlowSchedule, !process.rescaleBetasZeroSnr else {
      throw inexpressible("process.schedule", "its samplers of velocity know the levels of rectified_flow alone")
    }
    guard !process.variance.isLearned else {
      throw inexpressible("process.variance", "its samplers of velocity know no learned variance")
    }
    return [
      "_class_name": DiffusersScheduler.Kind.flowMatchEuler.rawValue, "num_train_timesteps": 1000, "shift": schedule.shift,
      "use_dynamic_shifting": false,
    ]
  }

  private static func betas(_ process: ProcessRecipe) throws -> [String: Any] {
    let steps = try process.makeDiffusion().process.steps
    guard !process.rescaleTimesteps || steps == 1000 else {
      throw inexpressible("process.rescale_timesteps", "its networks get the timesteps themselves")
    }
    var options: [String: Any] = ["num_train_timesteps": steps]
    switch process.schedule.member {
    case let schedule as LinearSchedule:
      let scale = 1000 / Double(steps)
      options["beta_schedule"] = "linear"
      (options["beta_start"], options["beta_end"]) = (schedule.betaStart ?? scale * 1e-4, schedule.betaEnd ?? scale * 0.02)
    case let schedule as ScaledLinearSchedule:
      options["beta_schedule"] = "scaled_linear"
      (options["beta_start"], options["beta_end"]) = (schedule.betaStart, schedule.betaEnd)
    case is SquaredCosineSchedule: options["beta_schedule"] = "squaredcos_cap_v2"
    case let schedule as CosineSchedule where schedule.maxBeta == CosineSchedule().maxBeta:
      options["beta_schedule"] = "squaredcos_cap_v2"
    default: options["trained_betas"] = try process.schedule.member.makeBetas()
    }
    return options
  }

  private static func predictionType(_ name: Parameterization.Name) throws -> String {
    switch name {
    case .epsilon: "epsilon"
    case .x0: "sample"
    case .v: "v_prediction"
    case .previousX, .edm, .vScaledInput, .velocity:
      throw inexpressible("process.parameterization", "its networks predict epsilon, x0 or v, not \(name.rawValue)")
    }
  }

  private static func varianceType(_ variance: Variance) throws -> String {
    switch variance {
    case .fixedSmall, .fixedLarge, .learnedRange: variance.rawValue
    case .learned:
      throw inexpressible(
        "process.variance", "its steps take the network's word for the variance, not for its logarithm; train with learned_range")
    }
  }

  private static func inexpressible(_ key: String, _ why: String) -> SfumatoError {
    SfumatoError(.data, "the model cannot be written for diffusers: \(key): \(why)")
  }
}
