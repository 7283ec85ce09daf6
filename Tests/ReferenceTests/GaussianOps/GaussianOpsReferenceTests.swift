import NN
import Tensors
import Testing

/// Set 3: single operations of processes, steps, losses and likelihoods on small tensors. Each manifest has a reproduction of
/// its own, in a file of its own.
struct GaussianOpsReferenceSet: ReferenceSet {
  let number = 3

  private static let reproductions: [String: @Sendable (Manifest) throws -> Reproduction] = [
    "q_ops.json": { try forwardOperations($0) },
    "timestep_embedding.json": { try timestepEmbedding($0) },
    "p_mean_variance.json": { try reverseSteps($0) },
    "p_mean_variance_spaced.json": { try spacedReverseSteps($0) },
    "steps.json": { try samplingSteps($0) },
    "nice_diffusion_ops.json": { try niceOperations($0) },
    "training_losses.json": { try trainingLosses($0) },
    "bpd_loop.json": { try bitsPerDimensionLoop($0) },
    "likelihoods.json": { try likelihoods($0) },
    "resampler.json": { try resampler($0) },
  ]

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    guard let reproduce = Self.reproductions[manifest.name] else { throw ReferenceError("\(manifest.name) is not understood") }
    return try reproduce(manifest)
  }

  /// `dim8/small` and `nice/dim8/small`: the embedding of the timesteps `t_small`, of width 8.
  static func timestepEmbedding(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([])
    guard manifest.config.keys.elementsEqual(["max_period"]), let period = manifest.config["max_period"]?.number else {
      throw ReferenceError("the config \(manifest.config) is not understood")
    }
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      guard let match = entry.name.wholeMatch(of: /(?:nice\/)?dim([0-9]+)\/([a-z]+)/), let width = Int(match.1) else {
        throw ReferenceError("'\(entry.name)' is not understood")
      }
      reproduction.tensors[entry.name] = timestepEmbedding(
        try manifest.tensor("t_\(match.2)").to(.float32), dimension: width, maxPeriod: period)
    }
    return reproduction
  }

  private static func timestepEmbedding(_ timesteps: Tensor, dimension: Int, maxPeriod: Double) -> Tensor {
    NN.timestepEmbedding(timesteps, dimension: dimension, maxPeriod: maxPeriod)
  }
}

@Suite("Reference operations of the process (set 3)") struct ReferenceGaussianOpsTests {
  @Test func everyOperationIsReproduced() throws { try Examination.check(GaussianOpsReferenceSet()) }
}
