import Tensors

@testable import Diffusion

/// p(x_{t−1} | x_t) of fixed outputs and of the toy model.
extension GaussianOpsReferenceSet {
  /// `EPSILON/LEARNED_RANGE/clip/mean`: what the network predicts, its variance, whether x₀ is clipped, and which number.
  static func reverseSteps(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([])
    let process = try manifest.guidedDiffusionProcess()
    let x = try manifest.tensor("x"), t = try manifest.tensor("t").ints()
    let scale = process.noiseLevelRange, levels = process.levels(t)
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      var words = entry.name.split(separator: "/")
      let isAdjusted = words.count == 2 && words[0] == "denoised_fn"
      if isAdjusted {
        try requireAdjustment(entry, of: manifest)
        words = ["EPSILON", "LEARNED_RANGE", "clip", words[1]]
      }
      guard words.count == 4, ["clip", "raw"].contains(words[2]) else { throw ReferenceError("'\(entry.name)' is not understood") }
      let output = try manifest.tensor("model_output/\(words[1])")
      let network = try NetworkDenoiser(
        .guidedDiffusion(words[0], in: process), variance: .guidedDiffusion(words[1]), noiseLevelRange: scale
      ) { _, _ in output }
      let adjusted = network.adjusted { isAdjusted ? 0.5 * $0 + 0.1 : $0 }
      let prediction = words[2] == "clip" ? adjusted.clipped().predict(x, at: levels) : adjusted.predict(x, at: levels)
      reproduction.tensors[entry.name] = try number(words[3], of: prediction, x, process, t)
    }
    return reproduction
  }

  private static func requireAdjustment(_ entry: Manifest.Entry, of manifest: Manifest) throws {
    let meaning = manifest.members["tensors"]?[entry.name]?["meaning"]?.string
    guard meaning == "EPSILON / LEARNED_RANGE with denoised_fn(v) = 0.5 * v + 0.1, applied before clipping" else {
      throw ReferenceError("'\(entry.name)' is not understood")
    }
  }

  /// One of the numbers that `p_mean_variance` gives, of x's shape.
  static func number(_ word: Substring, of p: Prediction, _ x: Tensor, _ process: DiscreteProcess, _ t: [Int]) throws -> Tensor {
    let step = process.reverse(p, xt: x, at: t)
    let number =
      switch word {
      case "mean": step.mean
      case "variance": p.variance.variance(within: t.map(process.varianceBounds), like: x)
      case "log_variance": step.logVariance
      case "pred_xstart": p.x0
      default: throw ReferenceError("'\(word)' is not understood")
      }
    return number + Tensor.zeros(like: x)
  }

  /// `LEARNED/mean` by the toy model, and `model_t`, the timesteps that it was given.
  static func spacedReverseSteps(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([])
    try ToyModel.checkDescription(in: manifest)
    let process = try manifest.guidedDiffusionProcess()
    let x = try manifest.tensor("x"), t = try manifest.tensor("t").ints(), y = try manifest.tensor("y")
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      let words = entry.name.split(separator: "/")
      guard words.count == 2 || entry.name == "model_t" else { throw ReferenceError("'\(entry.name)' is not understood") }
      let variance: Variance = words.count == 2 ? try .guidedDiffusion(words[0]) : .fixedSmall
      let network = ToyModel.network(y, variance)
      let given = Told()
      let denoiser = NetworkDenoiser(.epsilon, variance: variance, noiseLevelRange: process.noiseLevelRange) { x, timesteps in
        given.timesteps = timesteps
        return network(x, timesteps)
      }
      let prediction = denoiser.clipped().predict(x, at: process.levels(t))
      reproduction.tensors[entry.name] =
        words.count == 2 ? try number(words[1], of: prediction, x, process, t) : given.timesteps.to(like: try manifest.tensor(entry.name))
    }
    return reproduction
  }

  private final class Told { var timesteps = Tensor.zeros([0]) }
}
