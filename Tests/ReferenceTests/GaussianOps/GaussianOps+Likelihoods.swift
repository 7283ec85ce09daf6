import Foundation
import Tensors

@testable import Diffusion

extension GaussianOpsReferenceSet {
  /// Divergences of normals, log-likelihoods of pixels, and the approximated normal CDF.
  static func likelihoods(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([])
    guard manifest.config.isEmpty else { throw ReferenceError("the config \(manifest.config) is not understood") }
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      reproduction.tensors[entry.name] = try likelihood(entry.name, manifest)
    }
    return reproduction
  }

  private static func likelihood(_ name: String, _ manifest: Manifest) throws -> Tensor {
    func pixels(_ prefix: String) throws -> Tensor {
      let model = DiagonalGaussian(
        mean: try manifest.tensor("\(prefix)means"), logVariance: try 2 * manifest.tensor("\(prefix)log_scales"))
      return model.logLikelihood(ofPixels: try manifest.tensor("\(prefix)x"))
    }
    func normal(_ number: Int) throws -> DiagonalGaussian {
      DiagonalGaussian(mean: try manifest.tensor("kl/mean\(number)"), logVariance: try manifest.tensor("kl/logvar\(number)"))
    }
    switch name {
    case "discretized_gaussian_log_likelihood", "nice/log_likelihood": return try pixels("")
    case "far/discretized_gaussian_log_likelihood": return try pixels("far/")
    case "cdf/out", "nice/cdf": return DiagonalGaussian.normalCDF(try manifest.tensor("cdf/x"))
    case "kl/out": return try normal(1).divergence(from: normal(2))
    case "kl/out_standard":
      let zero = Tensor.zeros(like: try manifest.tensor("kl/mean1"))
      return try normal(1).divergence(from: DiagonalGaussian(mean: zero, logVariance: zero))
    default: throw ReferenceError("'\(name)' is not understood")
    }
  }

  // MARK: The whole bound

  /// `EPSILON/LEARNED_RANGE/clip/vb`: the bound of the toy model on a respaced process, column k being step k.
  static func bitsPerDimensionLoop(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["seed"])
    try ToyModel.checkDescription(in: manifest)
    let process = try manifest.guidedDiffusionProcess()
    try checkNoise(manifest, process)
    var reproduction = Reproduction()
    for run in Set(manifest.entries.filter(\.isWanted).map { $0.name.split(separator: "/").dropLast().joined(separator: "/") }) {
      for (name, tensor) in try boundTerms(run, process, manifest) { reproduction.tensors["\(run)/\(name)"] = tensor }
    }
    return reproduction
  }

  /// The recorded noise is what the seed gives, in the order in which a run asks for it.
  private static func checkNoise(_ manifest: Manifest, _ process: DiscreteProcess) throws {
    guard let seed = manifest.members["seed"]?.int else { throw ReferenceError("\(manifest.name): there is no seed") }
    let recorded = try manifest.tensor("noise")
    var noise = BatchNoise(seed: Seed(UInt64(seed)))
    let shape = try manifest.tensor("x_start").shape
    let drawn = (0..<process.steps).map { _ in
      defer { noise.stepEnded(shape) }
      return noise.normal(shape)
    }
    // Other processors' normals differ by up to 2e-6.
    guard try (.cat(drawn.map { $0.unsqueeze(0) }, dim: 0) - recorded).abs().max().item() <= 5e-6 else {
      throw ReferenceError("\(manifest.name): the seed does not give the recorded noise")
    }
  }

  private static func boundTerms(_ run: String, _ process: DiscreteProcess, _ manifest: Manifest) throws -> [String: Tensor] {
    let words = run.split(separator: "/")
    guard words.count == 3, ["clip", "raw"].contains(words[2]) else { throw ReferenceError("'\(run)' is not understood") }
    let variance = try Variance.guidedDiffusion(words[1])
    let denoiser = NetworkDenoiser(
      try .guidedDiffusion(words[0], in: process), variance: variance, noiseLevelRange: process.noiseLevelRange,
      network: ToyModel.network(.zeros([1]), variance))
    let x0 = try manifest.tensor("x_start"), noise = GivenNoise(try manifest.tensor("noise"))
    let likelihood =
      words[2] == "clip"
      ? LikelihoodRun(process, denoiser: denoiser.clipped(), images: x0, noise: noise)
      : LikelihoodRun(process, denoiser: denoiser, images: x0, noise: noise)
    let total = try likelihood.finish()
    func table(_ values: (LikelihoodStep) -> [Double]) -> Tensor {
      Tensor(likelihood.steps.flatMap(values), [process.steps, total.count]).permute(1, 0)
    }
    return [
      "total_bpd": Tensor(total), "prior_bpd": Tensor(try likelihood.prior()), "vb": table(\.variational),
      "xstart_mse": table(\.x0Error), "mse": table(\.epsilonError),
    ]
  }
}

/// Noise that was recorded, handed out row by row.
struct GivenNoise: NoiseSource {
  private let rows: Tensor
  private var next = 0

  init(_ rows: Tensor) { self.rows = rows }

  mutating func normal(_ shape: [Int]) -> Tensor {
    defer { next += 1 }
    return rows.narrow(0, next, 1).reshape(shape)
  }
}
