import Tensors

@testable import Diffusion

/// Single steps of guided-diffusion's samplers, with and without a classifier. Each image has a step of its own.
extension GaussianOpsReferenceSet {
  /// One image at a time: our samplers step a batch from one level.
  struct SingleSteps {
    let process: DiscreteProcess
    let x: Tensor, noise: Tensor, y: Tensor
    let t: [Int]

    /// - Parameters:
    ///   - next: the step to go to from a step; −1 is the clean image, and one beyond the last is pure noise.
    ///   - denoiser: conditioned on the label of one image.
    func transition<S: Sampler>(
      _ sampler: S, next: (Int) -> Int = { $0 - 1 }, isNoisy: Bool = true, denoiser: (Tensor) -> any Denoiser
    ) -> Transition {
      let images = t.indices.map { image in
        var memory = sampler.makeMemory(for: process.samplingLevels)
        let noise = isNoisy ? StepNoise(RecordedNoise(values: self.noise.image(image))) : .none
        return sampler.step(
          x.image(image), from: process.level(t[image]), to: level(next(t[image])), memory: &memory, denoiser: denoiser(y.image(image)),
          noise: noise)
      }
      return Transition(x: .cat(images.map(\.x), dim: 0), x0: .cat(images.map(\.x0), dim: 0))
    }

    private func level(_ t: Int) -> NoiseLevel {
      if t < 0 { return .clean }
      return t < process.steps ? process.level(t) : NoiseLevel(alpha: 0, sigma: 1, timestep: 0)
    }

    func denoiser(_ parameterization: Parameterization, _ variance: Variance, _ y: Tensor) -> NetworkDenoiser {
      NetworkDenoiser(
        parameterization, variance: variance, noiseLevelRange: process.noiseLevelRange, network: ToyModel.network(y, variance))
    }
  }

  static func samplingSteps(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["noise_seed"])
    try ToyModel.checkDescription(in: manifest)
    let steps = SingleSteps(
      process: try manifest.guidedDiffusionProcess(), x: try manifest.tensor("x"), noise: try manifest.seededNoise(),
      y: try manifest.tensor("y"), t: try manifest.tensor("t").ints())
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      reproduction.tensors[entry.name] = try sampled(entry.name.split(separator: "/"), steps)
    }
    return reproduction
  }

  /// `p_sample/EPSILON/LEARNED/cond/sample`, `ddim_sample/EPSILON/eta0.5/plain/pred_xstart`,
  /// `ddim_reverse_sample/EPSILON/raw/sample`, `condition_mean` or `condition_score/mean`.
  private static func sampled(_ words: [Substring], _ steps: SingleSteps) throws -> Tensor {
    if words[0].hasPrefix("condition_") { return try conditioned(words, steps) }
    guard words.count >= 4 else { throw ReferenceError("'\(words)' is not understood") }
    let predicted = try Parameterization.guidedDiffusion(words[1], in: steps.process)
    let transition: Transition
    switch (words[0], words.count) {
    case ("p_sample", 5):
      let variance = try Variance.guidedDiffusion(words[2]), isGuided = try word(words[3], isEither: "cond", or: "plain")
      transition = steps.transition(DDPM()) { guided(steps.denoiser(predicted, variance, $0).clipped(), $0, isGuided) }
    case ("ddim_sample", 5):
      guard words[2].hasPrefix("eta"), let eta = Double(words[2].dropFirst(3)) else { throw ReferenceError("'\(words)' is not understood") }
      let isGuided = try word(words[3], isEither: "cond", or: "plain")
      transition = steps.transition(DDIM(eta: eta)) { guided(steps.denoiser(predicted, .fixedLarge, $0).clipped(), $0, isGuided) }
    case ("ddim_reverse_sample", 4):
      let isClipped = try word(words[2], isEither: "clip", or: "raw")
      transition = steps.transition(DDIM(), next: { $0 + 1 }, isNoisy: false) {
        let denoiser = steps.denoiser(predicted, .fixedLarge, $0)
        return isClipped ? denoiser.clipped() : denoiser
      }
    default: throw ReferenceError("'\(words)' is not understood")
    }
    return try word(words.last!, isEither: "sample", or: "pred_xstart") ? transition.x : transition.x0
  }

  /// Of EPSILON and LEARNED_RANGE: the mean of an ancestral step, and the numbers of the shifted score.
  private static func conditioned(_ words: [Substring], _ steps: SingleSteps) throws -> Tensor {
    let denoiser = steps.denoiser(.epsilon, .learnedRange, steps.y).clipped().guided(by: ToyModel.classifier(steps.y), scale: 1)
    if words == ["condition_mean"] {
      return steps.transition(DDPM(), isNoisy: false) {
        guided(steps.denoiser(.epsilon, .learnedRange, $0).clipped(), $0, true)
      }.x
    }
    guard words.count == 2, words[0] == "condition_score" else { throw ReferenceError("'\(words)' is not understood") }
    var shifted = denoiser.predict(steps.x, at: steps.process.levels(steps.t))
    shifted.shift = nil  // the mean of DDIM's estimates, not of an ancestral step
    return try number(words[1], of: shifted, steps.x, steps.process, steps.t)
  }

  private static func guided(_ denoiser: some Denoiser, _ y: Tensor, _ isGuided: Bool) -> any Denoiser {
    isGuided ? denoiser.guided(by: ToyModel.classifier(y), scale: 1) : denoiser
  }

  /// Whether it is the one word or the other.
  static func word(_ word: Substring, isEither yes: String, or no: String) throws -> Bool {
    guard word == yes || word == no else { throw ReferenceError("'\(word)' is not understood; expected \(yes) or \(no)") }
    return word == yes
  }
}
