import Metrics
import Tensors

/// Judges a set of pictures, pulled: a batch of pictures or a figure at a time.
public final class EvaluationJob: SteppedJob {
  private let plan: EvaluationPlan
  /// Of several processes the first alone computes figures and writes.
  private let isFirst: Bool
  private let judged: EvaluatedSet, real: [EvaluatedSet], whole: EvaluatedSet?
  private var statistics: FeatureStatistics?
  private var isWritten: Bool
  private var waiting = EvaluationFigures.Kind.allCases
  private var figures: [EvaluationReport.Figure] = []

  /// - Parameter group: the processes that evaluate together, each of which makes this job of the same request.
  public convenience init(_ plan: EvaluationPlan, in group: ProcessGroup? = nil) throws { try self.init(plan, after: nil, in: group) }

  /// - Parameter other: a finished evaluation against the same reference, which need not be read again.
  init(_ plan: EvaluationPlan, after other: EvaluationJob?, in group: ProcessGroup? = nil) throws {
    (self.plan, isFirst) = (plan, group.isFirst)
    judged = try plan.judged(in: group)
    (real, whole) = try other.map { ($0.real, $0.whole) } ?? (plan.real(in: group), plan.whole(in: group))
    statistics = other?.statistics ?? plan.statistics?.statistics
    isWritten = other != nil || whole == nil
  }

  private var sets: [EvaluatedSet] { [whole].compactMap { $0 } + real + [judged] }

  /// Pictures that could not be read, of all sets: name and reason.
  public var unreadable: [DataReport.Unreadable] { sets.flatMap(\.unreadable) }

  /// Whether the next step writes a file.
  public var writesNext: Bool { isFirst && !isWritten && sets.allSatisfy(\.isDone) }

  /// - Returns: the completed fraction, nil when the report is complete.
  /// - Throws: `SfumatoError` where too few pictures can be read, `TorchFault`, and `ArchiveError` where statistics cannot be written.
  public func next() throws -> Double? {
    if let set = sets.first(where: { !$0.isDone }) {
      try set.next(plan.request.batch, plan.extractor)
    } else if !isFirst {
      return nil
    } else if !isWritten {
      try writeStatistics()
    } else if let kind = waiting.first {
      figures += try EvaluationFigures(judged: judged, real: real, statistics: referenceStatistics(), seed: plan.request.seed).figures(kind)
      waiting.removeFirst()
    } else {
      return nil
    }
    return fraction
  }

  /// Figures take about as long as a tenth of the pictures.
  private var fraction: Double {
    let pictures = Double(sets.reduce(0) { $0 + $1.done }) / Double(sets.reduce(0) { $0 + $1.count })
    let kinds = Double(EvaluationFigures.Kind.allCases.count)
    return 0.9 * pictures + 0.1 * (kinds - Double(waiting.count)) / kinds
  }

  private func writeStatistics() throws {
    guard let whole, let path = plan.request.statistics else { return }
    let found = try whole.moments.statistics()
    try StatisticsFile(statistics: found, identity: plan.extractor.identity).write(to: path)
    (statistics, isWritten) = (found, true)
  }

  private func referenceStatistics() throws -> FeatureStatistics {
    if let statistics { return statistics }
    let found = try real[0].moments.statistics()
    statistics = found
    return found
  }

  /// The figures, once `next` has returned nil.
  public func report() throws -> EvaluationReport {
    let shape = plan.extractor.shape, statistics = try referenceStatistics()
    let file = plan.request.statistics ?? (plan.statistics == nil ? nil : plan.request.reference)
    var sampling = plan.sampling
    sampling?.secondsPerImage = judged.samplingSeconds.map { $0 / Double(max(1, judged.done)) }
    return EvaluationReport(
      samples: plan.request.samples, reference: plan.request.reference, sampling: sampling, features: plan.extractor.name,
      resizing: plan.extractor.resizing,
      featureCount: statistics.size, height: shape.height, width: shape.width, channels: shape.channels, seed: plan.request.seed,
      count: judged.moments.count, referenceCount: real.first?.moments.count, realCount: real.last?.moments.count,
      statistics: try EvaluationReport.Statistics(
        digest: statistics.digest(), count: statistics.count, file: file),
      figures: figures, warnings: plan.warnings + warnings(statistics), unreadable: unreadable)
  }

  private func warnings(_ statistics: FeatureStatistics) -> [String] {
    guard judged.moments.count <= statistics.size else { return [] }
    return [
      "\(judged.moments.count) pictures are no more than the \(statistics.size) features: the covariance is singular, and the Frechet "
        + "distance depends mostly on the count"
    ]
  }
}
