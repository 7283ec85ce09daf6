import Tensors

@testable import Diffusion

/// The network and the classifier with closed forms that the manifests describe in words.
enum ToyModel {
  private static let descriptions = [
    "toy model: s = float32(t)[:, None, None, None] * 0.001; eps = 0.8 * x + 0.15 * cos(6 * s); if y is given: "
      + "eps = eps + 0.05 * float32(y)[:, None, None, None]; with learned variance: "
      + "out = concat([eps, 0.6 * sin(2 * x + 3 * s)], channel axis), else out = eps; all float32",
    "toy gradient of log p(y | x): s = float32(t)[:, None, None, None] * 0.001; m = (float32(y)[:, None, None, None] - 1) * 0.3; "
      + "grad = 0.4 * (m - x) * (1 + s); all float32",
  ]

  /// - Throws: where the manifest describes another one.
  static func checkDescription(in manifest: Manifest) throws {
    let said = (manifest.members["notes"]?.array ?? []).compactMap(\.string).filter { $0.hasPrefix("toy ") }
    guard !said.isEmpty, said.allSatisfy(descriptions.contains) else { throw ReferenceError("\(manifest.name): another toy model") }
  }

  /// - Parameters: y: labels, `[N]`; variance: whether the variance head is there.
  static func network(_ y: Tensor, _ variance: Variance) -> DenoisingNetwork {
    { x, t in
      let s = t.to(.float32).reshape(-1, 1, 1, 1) * 0.001
      let epsilon = 0.8 * x + 0.15 * (6 * s).cos() + 0.05 * y.to(.float32).reshape(-1, 1, 1, 1)
      return variance.isLearned ? .cat([epsilon, 0.6 * (2 * x + 3 * s).sin()], dim: 1) : epsilon
    }
  }

  /// log p(y | x), whose gradient is the one described.
  static func classifier(_ y: Tensor) -> LogProbability {
    { x, t in
      let s = t.to(.float32).reshape(-1, 1, 1, 1) * 0.001
      let m = (y.to(.float32).reshape(-1, 1, 1, 1) - 1) * 0.3
      return (-0.2 * (m - x).square() * (1 + s)).reshape(x.size(0), -1).sum(1)
    }
  }
}

/// Noise that was recorded: the same whenever it is asked for.
struct RecordedNoise: NoiseSource {
  let values: Tensor
  mutating func normal(_ shape: [Int]) -> Tensor { values }
}

extension Manifest {
  /// The tensor `noise`, which the seed of the manifest must give again.
  func seededNoise() throws -> Tensor {
    let noise = try tensor("noise")
    guard let seed = members["noise_seed"]?.int else { throw ReferenceError("\(name): there is no noise_seed") }
    // Other processors than those with AVX2 round normal numbers otherwise; the tolerance is the reference's own.
    let off = try (Tensor.randn(noise.shape, using: Generator(seed: UInt64(seed))) - noise).abs().max().item()
    guard off < 5e-6 else { throw ReferenceError("\(name): seed \(seed) gives other noise, by \(off)") }
    return noise
  }

  /// The process of guided-diffusion that the config describes.
  func guidedDiffusionProcess() throws -> DiscreteProcess {
    var config = self.config
    guard let kind = config.removeValue(forKey: "process")?.string, let schedule = config.removeValue(forKey: "schedule")?.string,
      let steps = config.removeValue(forKey: "steps")?.int, let rescales = config.removeValue(forKey: "rescale_timesteps")?.bool
    else { throw ReferenceError("\(name): the config \(self.config) is not understood") }
    let respacing = config.removeValue(forKey: "respacing")
    let spacing = try respacing?.ints.map(Spacing.sections) ?? respacing?.string.map { try Spacing($0) }
    guard config.isEmpty, kind == (spacing == nil ? "GaussianDiffusion" : "SpacedDiffusion"), (spacing == nil) == (respacing == nil) else {
      throw ReferenceError("\(name): the config \(self.config) is not understood")
    }
    let whole = try DiscreteProcess(betas: DiscreteProcess.referenced(schedule: schedule, steps: steps).betas, rescaleTimesteps: rescales)
    return try spacing.map { try whole.respaced($0) } ?? whole
  }
}

extension Parameterization {
  /// By guided-diffusion's word; the steps of previous x are those of the process that is visited.
  static func guidedDiffusion(_ word: Substring, in process: DiscreteProcess) throws -> Parameterization {
    switch word {
    case "EPSILON": .epsilon
    case "START_X": .x0
    case "PREVIOUS_X": .previousX(process)
    default: throw ReferenceError("'\(word)' is not understood")
    }
  }
}

extension Variance {
  /// By guided-diffusion's word, `FIXED_SMALL`.
  static func guidedDiffusion(_ word: Substring) throws -> Variance {
    guard let variance = Variance(rawValue: word.lowercased()) else { throw ReferenceError("'\(word)' is not understood") }
    return variance
  }

  /// By nice-diffusion's word.
  static func niceDiffusion(_ word: Substring) throws -> Variance {
    switch word {
    case "small": .fixedSmall
    case "large": .fixedLarge
    case "learned": .learned
    case "learned_interpolation": .learnedRange
    default: throw ReferenceError("'\(word)' is not understood")
    }
  }
}
