import Failures
import Metrics
import Tensors

/// The figures of a set of pictures, and those of real pictures beside them.
struct EvaluationFigures {
  /// Figures that are computed together.
  enum Kind: CaseIterable { case frechetDistance, kernelDistance, support, inceptionScore, accuracy }

  let judged: EvaluatedSet
  /// The pictures that are compared with, and the real ones beside the samples; none for statistics alone.
  let real: [EvaluatedSet]
  /// The statistics of the reference.
  let statistics: FeatureStatistics
  /// The seed of the subsets of the kernel distance.
  let seed: UInt64

  private typealias Figure = EvaluationReport.Figure

  /// None of a kind that these sets do not have.
  func figures(_ kind: Kind) throws -> [EvaluationReport.Figure] {
    switch kind {
    case .frechetDistance: return [try frechetDistance()]
    case .kernelDistance: return try kernelDistance()
    case .support: return try support()
    case .inceptionScore: return try inceptionScore()
    case .accuracy:
      let other = real.last?.accuracy
      return judged.accuracy.map { [Figure(name: "class_accuracy", samples: $0, real: other, isBetterHigher: true)] } ?? []
    }
  }

  private func frechetDistance() throws -> Figure {
    let sets = [judged] + (real.last.map { [$0] } ?? [])
    let distances = try statistics.frechetDistances(to: sets.map { try $0.moments.statistics() })
    return Figure(
      name: "frechet_distance", samples: distances[0], real: distances.count > 1 ? distances[1] : nil, isBetterHigher: false)
  }

  private func kernelDistance() throws -> [Figure] {
    guard let reference = try real.first?.features(), let other = try real.last?.features() else { return [] }
    let own = try KernelDistance(judged.features(), reference, seed: seed)
    let beside = try KernelDistance(other, reference, seed: seed)
    return [
      Figure(
        name: "kernel_distance", samples: own.mean, real: beside.mean, samplesDeviation: own.subsets > 1 ? own.deviation : nil,
        realDeviation: beside.subsets > 1 ? beside.deviation : nil, isBetterHigher: false)
    ]
  }

  private func support() throws -> [Figure] {
    guard let reference = try real.first.map({ try FeatureSupport($0.features()) }), let other = try real.last?.features() else {
      return []
    }
    let own = try PrecisionRecall(reference: reference, generated: FeatureSupport(judged.features()))
    let beside = try PrecisionRecall(reference: reference, generated: FeatureSupport(other))
    let members: [(String, KeyPath<PrecisionRecall, Double>)] = [
      ("precision", \.precision), ("recall", \.recall), ("density", \.density), ("coverage", \.coverage),
    ]
    return members.map { Figure(name: $0, samples: own[keyPath: $1], real: beside[keyPath: $1], isBetterHigher: true) }
  }

  private func inceptionScore() throws -> [Figure] {
    guard !judged.inception.isEmpty else { return [] }
    let own = try judged.inception.moments(), beside = try real.last?.inception.moments()
    return [
      Figure(
        name: "inception_score", samples: own.mean, real: beside?.mean, samplesDeviation: own.deviation > 0 ? own.deviation : nil,
        realDeviation: beside.flatMap { $0.deviation > 0 ? $0.deviation : nil }, isBetterHigher: true)
    ]
  }
}
