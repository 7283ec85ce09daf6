import Diffusion
import Tensors

/// What a loop of set 5 is made of, besides its network and its randomness.
struct SampleLoopSettings {
  let process: DiscreteProcess
  let sampler: any Sampler
  let window: NoiseWindow
  let clips: Bool
  let shape: [Int]
  private let parameterization: Parameterization, variance: Variance

  /// For reading: what these say, the other members say too.
  private static let spoken: Set<String> = ["rule", "x_T_drawn"]

  init(_ manifest: Manifest) throws {
    let config = manifest.config
    let unknown = Set(config.keys).subtracting(Self.spoken)
      .subtracting(["process", "sampler", "clip_denoised", "shape", "eta", "k"])
    guard unknown.isEmpty, let process = config["process"]?.object, let clips = config["clip_denoised"]?.bool,
      let shape = config["shape"]?.ints
    else { throw ReferenceError("\(manifest.name): the config \(config) is not understood") }
    (self.process, parameterization, variance) = try Self.process(process)
    self.clips = clips
    self.shape = shape
    (sampler, window) = try Self.sampler(config)
  }

  private static func process(_ config: [String: JSON]) throws -> (DiscreteProcess, Parameterization, Variance) {
    let means: [String: Parameterization] = ["EPSILON": .epsilon, "START_X": .x0]
    let variances: [String: Variance] = ["FIXED_SMALL": .fixedSmall, "FIXED_LARGE": .fixedLarge, "LEARNED_RANGE": .learnedRange]
    let known: Set<String> = [
      "class", "steps", "schedule", "respacing", "model_mean_type", "model_var_type", "rescale_timesteps",
    ]
    guard Set(config.keys) == known, config["class"] == .string("SpacedDiffusion"), let schedule = config["schedule"]?.string,
      let steps = config["steps"]?.int, let respacing = config["respacing"]?.string, let rescales = config["rescale_timesteps"]?.bool,
      let mean = config["model_mean_type"]?.string.flatMap({ means[$0] }),
      let variance = config["model_var_type"]?.string.flatMap({ variances[$0] })
    else { throw ReferenceError("the process \(config) is not understood") }
    let whole = try DiscreteProcess.referenced(schedule: schedule, steps: steps)
    return (try DiscreteProcess(betas: whole.betas, rescaleTimesteps: rescales).respaced(Spacing(respacing)), mean, variance)
  }

  /// A loop whose sampler goes without a name is ancestral where it stops its noise, and else DDIM's, after an inversion.
  private static func sampler(_ config: [String: JSON]) throws -> (any Sampler, NoiseWindow) {
    let eta = config["eta"]?.number, k = config["k"]?.int
    switch (config["sampler"]?.string, eta, k) {
    case ("ddpm", nil, nil): return (DDPM(), .always)
    case ("ddim", let eta?, nil): return (DDIM(eta: eta), .always)
    case (nil, nil, let k?): return (DDPM(), NoiseWindow(untilRemaining: k))
    case (nil, nil, nil): return (DDIM(eta: 0), .always)
    default: throw ReferenceError("the sampler of \(config) is not understood")
    }
  }

  func denoiser(_ network: @escaping DenoisingNetwork) -> NetworkDenoiser {
    NetworkDenoiser(parameterization, variance: variance, noiseScale: process.noiseScale, network: network)
  }
}
