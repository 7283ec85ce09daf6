import Tensors

@testable import Diffusion

/// What a loop of set 5 is made of, besides its networks and its randomness.
struct SampleLoopSettings {
  /// Whether x₀ is clipped, and then what becomes of the noise.
  enum Clipping { case none, derivingTheNoiseAnew, keepingTheNoise }
  enum Guidance {
    case none
    case classifierFree(scale: Double)
    case classifier(scale: Double)
  }

  let shape: [Int]
  let process: DiscreteProcess
  private let parameterization: Parameterization, variance: Variance
  private(set) var sampler: any Sampler = DDIM(eta: 0)
  private(set) var window = NoiseWindow.always
  let clipping: Clipping
  private(set) var guidance = Guidance.none
  /// Whether labels that are drawn reach the denoising network, not only the classifier.
  private(set) var passesLabels = true

  init(_ manifest: Manifest) throws {
    let config = manifest.config
    // A likelihood has the shape of its images.
    let images = manifest.entries.first { $0.name == "x_start" }
    guard let shape = config["shape"]?.ints ?? images?.shape else {
      throw ReferenceError("\(manifest.name): the config \(config) is not understood")
    }
    self.shape = shape
    if let process = config["process"]?.object, let clips = config["clip_denoised"]?.bool {
      clipping = clips ? .derivingTheNoiseAnew : .none
      (process: self.process, parameterization, variance) = try Self.guidedDiffusion(process)
      try readLoop(config)
    } else if let diffusion = config["diffusion"]?.object, Set(config.keys) == ["diffusion", "shape"] {
      clipping = .keepingTheNoise
      parameterization = .epsilon
      (process, variance) = try Self.niceDiffusion(diffusion)
      try readNiceDiffusion(diffusion)
    } else {
      throw ReferenceError("\(manifest.name): the config \(config) is not understood")
    }
  }

  func denoiser(_ network: @escaping DenoisingNetwork) -> NetworkDenoiser {
    NetworkDenoiser(parameterization, variance: variance, noiseLevelRange: process.noiseLevelRange, network: network)
  }
}

// MARK: guided-diffusion

extension SampleLoopSettings {
  private static func guidedDiffusion(_ config: [String: JSON]) throws -> (process: DiscreteProcess, Parameterization, Variance) {
    let known: Set<String> = [
      "class", "steps", "schedule", "respacing", "model_mean_type", "model_var_type", "rescale_timesteps",
    ]
    guard Set(config.keys) == known, config["class"] == .string("SpacedDiffusion"), let schedule = config["schedule"]?.string,
      let steps = config["steps"]?.int, let respacing = config["respacing"]?.string, let rescales = config["rescale_timesteps"]?.bool,
      let mean = config["model_mean_type"]?.string, let variance = config["model_var_type"]?.string
    else { throw ReferenceError("the process \(config) is not understood") }
    let betas = try DiscreteProcess.referenced(schedule: schedule, steps: steps).betas
    let process = try DiscreteProcess(betas: betas, rescaleTimesteps: rescales).respaced(Spacing(respacing))
    return (process, try .guidedDiffusion(mean[...], in: process), try .guidedDiffusion(variance[...]))
  }

  /// A loop whose sampler has no name is ancestral where it stops its noise, and else DDIM's, after an inversion.
  private mutating func readLoop(_ config: [String: JSON]) throws {
    // What the rule and x_T_drawn say, the other members say too.
    let read: Set<String> = ["process", "clip_denoised", "shape", "rule", "x_T_drawn", "effect_of_guidance"]
    let loop = config.filter { !read.contains($0.key) }
    switch (loop["sampler"]?.string, loop["eta"]?.number, loop["k"]?.int) {
    case ("ddpm", nil, nil): sampler = DDPM()
    case ("ddim", let eta?, nil): sampler = DDIM(eta: eta)
    case (nil, nil, let k?): (sampler, window) = (DDPM(), NoiseWindow(untilRemaining: k))
    case (nil, nil, nil): break
    default: throw ReferenceError("the sampler of \(config) is not understood")
    }
    if let scale = loop["classifier_scale"]?.number, let tells = loop["labels_go_to_the_denoiser"]?.bool {
      (guidance, passesLabels) = (.classifier(scale: scale), tells)
    }
    let unknown = Set(loop.keys).subtracting(["sampler", "eta", "k", "classifier_scale", "labels_go_to_the_denoiser"])
    guard unknown.isEmpty else { throw ReferenceError("\(unknown.sorted()) of the config are not understood") }
  }
}

// MARK: nice-diffusion

extension SampleLoopSettings {
  private static func niceDiffusion(_ config: [String: JSON]) throws -> (process: DiscreteProcess, Variance) {
    guard let total = config["original_num_steps"]?.int, let steps = config["rescaled_num_steps"]?.int,
      let schedule = config["beta_schedule"]?.string, let variance = config["sampling_var_type"]?.string
    else { throw ReferenceError("the diffusion \(config) is not understood") }
    let whole = try DiscreteProcess.referenced(schedule: schedule, steps: total)
    return (try whole.respaced(keeping: Spacing.centredTimesteps(of: total, steps: steps)), try .niceDiffusion(variance[...]))
  }

  /// Its strength w is our s − 1. How it was trained, `loss_type`, makes no difference here.
  private mutating func readNiceDiffusion(_ config: [String: JSON]) throws {
    let known: Set<String> = [
      "original_num_steps", "rescaled_num_steps", "beta_schedule", "sampling_var_type", "loss_type", "guidance_method",
      "guidance_strength", "use_ddim", "ddim_eta",
    ]
    guard Set(config.keys).isSubset(of: known), let isDDIM = config["use_ddim"]?.bool, let eta = config["ddim_eta"]?.number,
      config["guidance_method"] == .string("classifier_free"), let strength = config["guidance_strength"]?.number
    else { throw ReferenceError("the diffusion \(config) is not understood") }
    sampler = isDDIM ? DDIM(eta: eta) : DDPM()
    guidance = .classifierFree(scale: 1 + strength)
  }
}
