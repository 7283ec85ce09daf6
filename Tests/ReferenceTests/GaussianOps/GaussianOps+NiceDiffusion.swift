import Foundation
import Tensors

@testable import Diffusion

/// Steps and losses of nice-diffusion: ε is kept after clipping, label 0 is null, and its strength w is our scale less 1.
extension GaussianOpsReferenceSet {
  static func niceOperations(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["noise_seed"])
    try ToyModel.checkDescription(in: manifest)
    let steps = try niceSteps(manifest), strength = manifest.config["guidance_strength"]?.number ?? 0
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      let words = entry.name.split(separator: "/")
      reproduction.tensors[entry.name] =
        switch (words[0], words.count) {
        case ("denoising_step", 4), ("ddim_denoising_step", 4): try niceStep(words, steps, scale: 1 + strength)
        case ("loss", 3): try NiceLoss(steps, manifest.tensor("x_0"), variance: words[1]).value(words[2])
        case ("diffuse", 1):
          qSample(try manifest.tensor("x_0"), at: [steps.process.level(try diffusedSteps(manifest) - 1)], noise: steps.noise)
        default: throw ReferenceError("'\(entry.name)' is not understood")
        }
    }
    return reproduction
  }

  fileprivate static func niceSteps(_ manifest: Manifest) throws -> SingleSteps {
    let config = manifest.config
    guard Set(config.keys) == ["original_num_steps", "rescaled_num_steps", "beta_schedule", "guidance_strength"],
      let total = config["original_num_steps"]?.int, let steps = config["rescaled_num_steps"]?.int,
      let schedule = config["beta_schedule"]?.string
    else { throw ReferenceError("\(manifest.name): the config \(config) is not understood") }
    let whole = try DiscreteProcess.referenced(schedule: schedule, steps: total)
    return SingleSteps(
      process: try whole.respaced(keeping: Spacing.centredTimesteps(of: total, steps: steps)), x: try manifest.tensor("x"),
      noise: try manifest.seededNoise(), y: try manifest.tensor("y"), t: try manifest.tensor("t").ints())
  }

  /// `denoising_step/learned/classifier_free/sample`, `ddim_denoising_step/eta0.5/plain/sample`.
  private static func niceStep(_ words: [Substring], _ steps: SingleSteps, scale: Double) throws -> Tensor {
    let isGuided = try word(words[2], isEither: "classifier_free", or: "plain")
    let isDDIM = words[0] == "ddim_denoising_step"
    let variance = isDDIM ? .fixedSmall : try Variance.niceDiffusion(words[1])
    let denoiser = { (y: Tensor) -> any Denoiser in
      let guided = ClassifierFreeGuidance(scale: isGuided ? scale : 1, condition: y, null: .zeros(like: y)) {
        steps.denoiser(.epsilon, variance, $0)
      }
      return guided.clipped(useClippedModelOutput: false)
    }
    guard isDDIM else {
      let transition = steps.transition(DDPM(), denoiser: denoiser)
      return try word(words[3], isEither: "sample", or: "pred_x0") ? transition.x : transition.x0
    }
    guard words[1].hasPrefix("eta"), let eta = Double(words[1].dropFirst(3)), words[3] == "sample" else {
      throw ReferenceError("'\(words)' is not understood")
    }
    return steps.transition(DDIM(eta: eta), denoiser: denoiser).x
  }

  /// "x_0 noised by 7 rescaled steps".
  private static func diffusedSteps(_ manifest: Manifest) throws -> Int {
    guard let meaning = manifest.members["tensors"]?["diffuse"]?["meaning"]?.string,
      let match = meaning.wholeMatch(of: /x_0 noised by ([0-9]+) rescaled steps/), let steps = Int(match.1)
    else { throw ReferenceError("\(manifest.name): 'diffuse' is not understood") }
    return steps
  }
}

/// nice-diffusion's losses of each image; x₀ is not clipped, and the labels go to the model.
struct NiceLoss {
  let steps: GaussianOpsReferenceSet.SingleSteps
  let x0: Tensor
  let variance: Variance

  init(_ steps: GaussianOpsReferenceSet.SingleSteps, _ x0: Tensor, variance: Substring) throws {
    self.steps = steps
    self.x0 = x0
    self.variance = try .niceDiffusion(variance)
  }

  /// `simple`, `KL`, `KL_rescaled` or `hybrid`, `[N]`.
  func value(_ word: Substring) throws -> Tensor {
    let loss = DenoisingLoss(steps.process, .epsilon, variance: variance, objective: try objective(word))
    let terms = loss(x0, at: steps.t, noise: steps.noise, network: ToyModel.network(steps.y, variance))
    // Ours adds the bound where the variance is learned; theirs leaves it untrained.
    return word == "simple" ? terms.error ?? terms.perImage : terms.perImage
  }

  private func objective(_ word: Substring) throws -> any LossObjective {
    switch word {
    case "simple": SquaredError()
    case "KL": VariationalLoss()
    case "KL_rescaled": RescaledVariationalLoss()
    case "hybrid": HybridLoss()
    default: throw ReferenceError("'\(word)' is not understood")
    }
  }

  /// What the loss lacks because the cube in the normal distribution function has the factor 0.0444715, not 0.044715. It shows
  /// in the likelihood of pixels, at t = 0.
  func lackByMistakenFactor(_ word: Substring) throws -> Tensor {
    let xt = qSample(x0, at: steps.process.levels(steps.t), noise: steps.noise)
    let prediction = steps.denoiser(.epsilon, variance, steps.y).predict(xt, at: steps.process.levels(steps.t))
    let model = steps.process.reverse(prediction, xt: xt, at: steps.t)
    let centred = (x0 - model.mean).to(.float64), inverse = (-0.5 * model.logVariance).exp().to(.float64)
    let bits = { (factor: Double) in
      let cumulative = { (z: Tensor) in 0.5 * (1 + ((2 / Double.pi).squareRoot() * (z + factor * z.pow(3))).tanh()) }
      let upper = cumulative(inverse * (centred + 1 / 255)), lower = cumulative(inverse * (centred - 1 / 255))
      let log = { (p: Tensor) in p.clamp(1e-12...1).log() }
      let ends = Tensor.where(x0.lt(-0.999), log(upper), .where(x0.gt(0.999), log(1 - lower), log(upper - lower)))
      return -ends.meanPerImage() / Foundation.log(2)
    }
    let weight = try objective(word).boundWeight(steps: steps.process.steps, learnsVariance: variance.isLearned) ?? 0
    return weight * Tensor(steps.t.map { $0 == 0 ? 1.0 : 0 }) * (bits(0.044715) - bits(0.0444715))
  }

  /// A recorded loss put right; nil where the mistake does not show.
  static func corrected(_ manifest: Manifest, _ entry: Manifest.Entry) throws -> Tensor? {
    let words = entry.name.split(separator: "/")
    guard manifest.name == "nice_diffusion_ops.json", words.count == 3, words[0] == "loss", words[2] != "simple" else { return nil }
    let loss = try NiceLoss(GaussianOpsReferenceSet.niceSteps(manifest), manifest.tensor("x_0"), variance: words[1])
    guard loss.steps.t.contains(0) else { return nil }
    return try manifest.tensor(entry.name) + loss.lackByMistakenFactor(words[2]).to(.float32)
  }
}
