import Foundation
import Metrics
import Tensors
import Testing

/// Set 10: statistics of features and what they are compared by.
struct MetricsReferenceSet: ReferenceSet {
  let number = 10

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["cases", "tolerance_of_cases"])
    guard manifest.config.isEmpty else { throw ReferenceError("the config \(manifest.config) is not understood") }
    var reproduction = Reproduction()
    switch manifest.name {
    case "frechet.json": try addFrechetDistances(manifest, to: &reproduction)
    case "kid.json": for item in manifest.cases { try addKernelDistances(item, manifest, to: &reproduction) }
    case "precision_recall.json": for item in manifest.cases { try addSupports(item, manifest, to: &reproduction) }
    case "inception_score.json": try checkInceptionScores(manifest)
    default: throw ReferenceError("'\(manifest.name)' is not understood")
    }
    return reproduction
  }

  /// The name of a case that has these members.
  private func name(_ item: JSON, _ members: Set<String>) throws -> String {
    guard let name = item["case"]?.string, members.isSuperset(of: item.object?.keys.map { $0 } ?? []) else {
      throw ReferenceError("the case \(item) is not understood")
    }
    return name
  }

  /// Numbers that stand in a case and not in the file.
  private func check(_ item: JSON, _ member: String, _ found: Double, _ manifest: Manifest) throws {
    guard let want = item[member]?.number, let limits = manifest.members["tolerance_of_cases"] else { return }
    let tolerance = try Tolerance(limits, shape: [], of: "\(manifest.name): tolerance_of_cases")
    if let complaint = try tolerance.complaint(got: Tensor([found], []), want: Tensor([want], [])) {
      throw ReferenceError("\(item["case"]?.string ?? ""): \(member): \(complaint)")
    }
  }

  // MARK: Fréchet distances

  private func addFrechetDistances(_ manifest: Manifest, to reproduction: inout Reproduction) throws {
    for item in manifest.cases {
      let name = try name(item, ["case", "what", "value", "sqrtm"])
      let gaussians = try ["1", "2"].map {
        try FeatureStatistics(mean: manifest.tensor("\(name)/mu\($0)"), covariance: manifest.tensor("\(name)/sigma\($0)"))
      }
      reproduction.tensors["\(name)/value"] = Tensor([try gaussians[0].frechetDistance(to: gaussians[1])], [])
    }
    guard manifest.entries.contains(where: { $0.name == "features/value" }) else { return }
    let statistics = try ["a", "b"].map { set in
      var moments = FeatureMoments(blockSize: 64)
      // In parts, as they come.
      for part in try manifest.tensor("features/\(set)").split([1, 64, manifest.tensor("features/\(set)").size(0) - 65], dim: 0) {
        moments.add(part)
      }
      let found = try moments.statistics()
      (reproduction.tensors["features/mu_\(set)"], reproduction.tensors["features/sigma_\(set)"]) = (found.mean, found.covariance)
      return found
    }
    reproduction.tensors["features/value"] = Tensor([try statistics[0].frechetDistance(to: statistics[1])], [])
  }

  // MARK: Kernel distances

  private func addKernelDistances(_ item: JSON, _ manifest: Manifest, to reproduction: inout Reproduction) throws {
    let name = try name(item, ["case", "m", "n", "d", "mmd2", "kid", "kid_std"])
    let x = try manifest.tensor("\(name)/x"), y = try manifest.tensor("\(name)/y")
    let whole = try KernelDistance.squaredMMD(x, y)
    reproduction.tensors["\(name)/mmd2"] = Tensor([whole], [])
    try check(item, "mmd2", whole, manifest)
    guard item["kid"] != nil else { return }
    let rows = try manifest.tensor("\(name)/subset_x"), columns = try manifest.tensor("\(name)/subset_y")
    let values = try (0..<rows.size(0)).map {
      try KernelDistance.squaredMMD(x.indexSelect(0, rows.select(0, $0)), y.indexSelect(0, columns.select(0, $0)))
    }
    reproduction.tensors["\(name)/subset_mmd2"] = Tensor(values)
    try check(item, "kid", KernelDistance.moments(values).mean, manifest)
    try check(item, "kid_std", KernelDistance.moments(values).deviation, manifest)
  }

  // MARK: Precision and recall

  private func addSupports(_ item: JSON, _ manifest: Manifest, to reproduction: inout Reproduction) throws {
    let name = try name(item, ["case", "k", "precision", "recall"])
    guard let k = item["k"]?.int else { throw ReferenceError("the case \(item) is not understood") }
    let reference = try manifest.tensor("\(name)/reference"), generated = try manifest.tensor("\(name)/generated")
    for (set, points, others, inside, share) in [
      ("reference", reference, generated, "generated", "precision"), ("generated", generated, reference, "reference", "recall"),
    ] {
      let balls = try FeatureBalls(points, neighbors: k), membership = try balls.membership(of: others)
      reproduction.tensors["\(name)/radii_\(set)"] = balls.radii
      reproduction.tensors["\(name)/\(inside)_inside"] = Tensor(membership.balls.map { $0 > 0 ? 1 : 0 })
      try check(item, share, membership.insideShare, manifest)
    }
  }

  // MARK: Inception scores

  private func checkInceptionScores(_ manifest: Manifest) throws {
    let probabilities = try manifest.tensor("probabilities")
    for item in manifest.cases {
      guard let size = item["split_size"]?.int, size > 0, let splits = item["splits"]?.numbers else {
        throw ReferenceError("the case \(item) is not understood")
      }
      var score = InceptionScore(splitSize: size)
      try score.add(probabilities)
      let found = try score.scores()
      guard found.count == splits.count else { throw ReferenceError("\(found.count) splits, expected \(splits.count)") }
      for (value, want) in zip(found, splits) { try check(.object(["split": .number(want)]), "split", value, manifest) }
      try check(item, "score", score.score(), manifest)
    }
  }
}

@Suite("Reference metrics (set 10)") struct ReferenceMetricsTests {
  @Test func everyDistanceAndScoreIsReproduced() throws { try Examination.check(MetricsReferenceSet()) }
}
