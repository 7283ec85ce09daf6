import Diffusion
import Tensors

/// DDIM as diffusers takes its steps: from timestep t to t − T / steps, rounded down, whatever timestep comes next. The images
/// then count as being at that one. Where both are the same, as with `leading` always, this is `DDIM`.
struct StridedDDIM: SinglestepSampler {
  static let name = "ddim"
  var order: Int? { ddim.order }

  var ddim = DDIM()
  /// Where the step from each level leads.
  var destinations: [Destination] = []

  struct Destination: Sendable, Codable {
    let timestep: Double, level: NoiseLevel
  }

  func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let destination = destinations.first { $0.timestep == t.timestep }?.level ?? s
    return ddim.step(x, from: t, to: destination, denoiser: denoiser, noise: noise)
  }
}

extension DiffusersScheduler {
  /// Where DDIM's step from a timestep leads: `T / steps`, rounded down, timesteps on, or to the end.
  func destination(from timestep: Int, steps: Int, in process: DiscreteProcess) -> NoiseLevel {
    let next = timestep - process.steps / steps
    if next >= 0 { return process.level(next) }
    return setAlphaToOne ? .clean : process.level(0)
  }

  /// DDIM over the levels of a run.
  func ddim(eta: Double, over levels: [NoiseLevel], steps: Int, in process: DiscreteProcess) -> any Sampler {
    let destinations = levels.dropLast().map { level in
      StridedDDIM.Destination(timestep: level.timestep, level: destination(from: Int(level.timestep), steps: steps, in: process))
    }
    let isPlain = zip(destinations, levels.dropFirst()).allSatisfy { $0.level == $1 }
    return isPlain ? DDIM(eta: eta) : StridedDDIM(ddim: DDIM(eta: eta), destinations: destinations)
  }
}
