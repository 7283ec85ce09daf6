import Foundation
import Tensors

@testable import Diffusion

extension GaussianOpsReferenceSet {
  private static func objective(_ name: Substring) throws -> any LossObjective {
    switch name {
    case "MSE": return SquaredError()
    case "RESCALED_MSE": return RescaledMSE()
    case "KL": return VariationalLoss()
    case "RESCALED_KL": return RescaledVariationalLoss()
    default: throw ReferenceError("the loss '\(name)' is not understood")
    }
  }

  /// `EPSILON/LEARNED/MSE/vb`: a term of a loss; `grad/LEARNED/MSE`: the gradient of the mean loss by the output.
  static func trainingLosses(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([])
    let process = try manifest.guidedDiffusionProcess()
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      reproduction.tensors[entry.name] = try term(entry.name, manifest, process)
    }
    return reproduction
  }

  private static func term(_ name: String, _ manifest: Manifest, _ process: DiscreteProcess) throws -> Tensor {
    if let match = name.wholeMatch(of: /grad\/([A-Z_]+)\/([A-Z_]+)/) {
      // The manifest says that the gradients are those of predicted noise.
      let (terms, output) = try loss("EPSILON", match.1, match.2, manifest, process)
      guard let gradient = try terms.mean.gradients(of: [output])[0] else { throw ReferenceError("'\(name)' has no gradient") }
      return gradient
    }
    if let match = name.wholeMatch(of: /vb_terms\/([A-Z_]+)\/(clip|raw)\/([a-z_]+)/) {
      return try boundTerm(match.1, isClipped: match.2 == "clip", match.3, manifest, process)
    }
    if name == "prior_bpd" {
      return Tensor(try LikelihoodRun.prior(of: manifest.tensor("x_start"), process))
    }
    guard let match = name.wholeMatch(of: /([A-Z_]+)\/([A-Z_]+)\/([A-Z_]+)\/([a-z]+)/) else {
      throw ReferenceError("'\(name)' is not understood")
    }
    let terms = try loss(match.1, match.2, match.3, manifest, process).terms
    switch match.4 {
    case "loss": return terms.perImage
    case "mse": return try wanted(terms.error, name)
    case "vb": return terms.boundWeight * (try wanted(terms.variational, name))
    default: throw ReferenceError("'\(name)' is not understood")
    }
  }

  /// A term of the bound of predicted noise, or the x₀ that it was made by.
  private static func boundTerm(
    _ spread: Substring, isClipped: Bool, _ word: Substring, _ manifest: Manifest, _ process: DiscreteProcess
  ) throws -> Tensor {
    let x0 = try manifest.tensor("x_start"), t = try manifest.tensor("t").ints(), levels = process.levels(t)
    let xt = qSample(x0, at: levels, noise: try manifest.tensor("noise"))
    let output = try manifest.tensor("model_output/EPSILON/\(spread)")
    let denoiser = NetworkDenoiser(
      .epsilon, variance: try .guidedDiffusion(spread), noiseLevelRange: process.noiseLevelRange
    ) { _, _ in output }
    let prediction = isClipped ? denoiser.clipped().predict(xt, at: levels) : denoiser.predict(xt, at: levels)
    return try Self.word(word, isEither: "output", or: "pred_xstart")
      ? process.variationalTerms(x0: x0, xt: xt, model: process.reverse(prediction, xt: xt, at: t), at: t) : prediction.x0
  }

  private static func wanted(_ term: Tensor?, _ name: String) throws -> Tensor {
    guard let term else { throw ReferenceError("'\(name)': the loss has no such term") }
    return term
  }

  private static func loss(
    _ mean: Substring, _ spread: Substring, _ objective: Substring, _ manifest: Manifest, _ process: DiscreteProcess
  ) throws -> (terms: LossTerms, output: Tensor) {
    let output = try manifest.tensor("model_output/\(mean)/\(spread)").requiringGradient()
    let loss = DenoisingLoss(
      process, try .guidedDiffusion(mean, in: process), variance: try .guidedDiffusion(spread),
      objective: try Self.objective(objective))
    let terms = try loss(
      manifest.tensor("x_start"), at: manifest.tensor("t").ints(), noise: manifest.tensor("noise")
    ) { _, _ in output }
    return (terms, output)
  }

  // MARK: Timesteps by their losses

  /// What `loss_second_moment` makes of rounds of losses: its weights, the importance of each timestep, its history.
  static func resampler(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["top_up_before_round", "top_up", "warmed_up_after_round"])
    var sampler = try resampler(manifest.config)
    let timesteps = try manifest.tensor("timesteps"), losses = try manifest.tensor("losses")
    let steps = sampler.history.count
    var weights: [Double] = [], importance: [Double] = []
    for round in 0..<timesteps.size(0) {
      if round == manifest.members["top_up_before_round"]?.int { try topUp(&sampler, manifest) }
      sampler.learn(from: try losses.narrow(0, round, 1).doubles(), at: try timesteps.narrow(0, round, 1).ints())
      guard manifest.members["warmed_up_after_round"]?.array?[round].bool == sampler.isWarm else {
        throw ReferenceError("\(manifest.name): after round \(round) the sampler is \(sampler.isWarm ? "" : "not ")warm")
      }
      let probabilities = sampler.probabilities
      // The reference's weights are not normalised before the sampler is warm.
      weights += sampler.isWarm ? probabilities : probabilities.map { $0 * Double(steps) }
      importance += probabilities.map { LossSecondMomentSampler.importance(of: $0, among: steps) }
    }
    var reproduction = Reproduction()
    reproduction.tensors["weights"] = Tensor(weights, [timesteps.size(0), steps])
    reproduction.tensors["importance"] = Tensor(importance, [timesteps.size(0), steps])
    reproduction.tensors["final_history"] = Tensor(sampler.history.flatMap { $0 }, [steps, sampler.historyPerTerm])
    return reproduction
  }

  private static func resampler(_ config: [String: JSON]) throws -> LossSecondMomentSampler {
    guard Set(config.keys) == ["num_timesteps", "history_per_term", "uniform_prob"], let steps = config["num_timesteps"]?.int,
      let length = config["history_per_term"]?.int, let uniform = config["uniform_prob"]?.number
    else { throw ReferenceError("the config \(config) is not understood") }
    return LossSecondMomentSampler(steps: steps, historyPerTerm: length, uniformProbability: uniform)
  }

  /// As the manifest says it in words: so many losses for every timestep t, each a factor times t + 1.
  private static func topUp(_ sampler: inout LossSecondMomentSampler, _ manifest: Manifest) throws {
    let form =
      /just before .+, update with timesteps \[0\] \* ([0-9]+) \+ \[1\] \* ([0-9]+) \+ \.\.\. , loss ([0-9.]+) \* \(t \+ 1\) each/
    guard let match = manifest.members["top_up"]?.string?.wholeMatch(of: form), match.1 == match.2, let count = Int(match.1),
      let factor = Double(match.3)
    else { throw ReferenceError("\(manifest.name): the top-up is not understood") }
    let timesteps = sampler.history.indices.flatMap { Array(repeating: $0, count: count) }
    sampler.learn(from: timesteps.map { factor * Double($0 + 1) }, at: timesteps)
  }
}
