import Tensors

extension Parameterization {
  /// See `GaussianDiffusion.problem`.
  func problem(with sampler: some Sampler, on path: [NoiseLevel], window: NoiseWindow = .always) -> DiffusionError? {
    guard case .previousX(let process) = self else { return nil }
    func serves(_ sampler: some Sampler, _ path: [NoiseLevel]) -> Bool {
      sampler.levelsAsked(on: path, of: process.noiseLevelRange, window: window).allSatisfy { process.step(at: $0) != nil }
    }
    guard path.allSatisfy({ $0.sigma == 0 || process.step(at: $0) != nil }) else { return .visitsBetweenSteps(of: process.steps) }
    guard !serves(sampler, path) else { return nil }
    // Enough for methods of every order to have all their estimates.
    let short = path.count > 6 ? path.prefix(5) + path.suffix(1) : path
    let serving = SamplerRegistry.all.filter { type in (type.init() as? any Sampler).map { serves($0, short) } ?? false }
    return .asksBetweenSteps(sampler: type(of: sampler).name, of: process.steps, serving: serving.map { $0.name })
  }
}

extension Sampler {
  /// The levels at which the denoiser is evaluated on a path, found by running it on images of one pixel.
  package func levelsAsked(on path: [NoiseLevel], of scale: NoiseLevelRange, window: NoiseWindow) -> [NoiseLevel] {
    let probe = LevelProbe(noiseLevelRange: scale)
    let run = SamplingRun(self, denoiser: probe, levels: path, start: .zeros([1, 1, 1, 1]), noise: NoNoise(), window: window)
    // Only the levels matter, neither the numbers nor a failure.
    while (try? run.next()) != nil {}
    return probe.asked
  }
}

/// A denoiser that records the levels at which it is evaluated.
private final class LevelProbe: Denoiser {
  let noiseLevelRange: NoiseLevelRange
  private(set) var asked: [NoiseLevel] = []

  init(noiseLevelRange: NoiseLevelRange) { self.noiseLevelRange = noiseLevelRange }

  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    asked += levels
    return Prediction(x0: x, epsilon: x)
  }
}

/// Zeros where noise is drawn.
private struct NoNoise: NoiseSource {
  mutating func normal(_ shape: [Int]) -> Tensor { .zeros(shape) }
}
