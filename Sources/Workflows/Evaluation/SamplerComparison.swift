import Failures
import Foundation
import Tensors

/// Samplers and numbers of steps of one model, each judged as `EvaluationJob` does, so that a user sees what to choose.
public struct SamplerComparisonRequest: Sendable {
  /// What is evaluated; its samples are a model.
  public var evaluation: EvaluationRequest
  /// Names of samplers; empty for the model's own.
  public var samplers: [String] = []
  /// Numbers of steps; empty for the model's own.
  public var steps: [Int] = []
  /// A plot of quality over evaluations: SVG or PNG by its name.
  public var plot: String?

  public init(_ evaluation: EvaluationRequest) { self.evaluation = evaluation }
}

/// The figures of each sampler with each number of steps, pulled. The reference is read once.
public final class SamplerComparisonJob: SteppedJob {
  private let plans: [EvaluationPlan]
  private let plot: String?
  private let group: ProcessGroup?
  private var job: EvaluationJob?
  private var previous: EvaluationJob?
  private var reports: [EvaluationReport] = []
  private var rows: [SamplerComparisonReport.Row] = []
  private var isWritten = false

  static let mostRows = 200

  /// - Parameter group: the processes that evaluate together, each of which makes this job of the same request.
  /// - Throws: `SfumatoError` for a request that cannot be met, any of its samplers and steps among it; errors from opening model and sets.
  public init(_ request: SamplerComparisonRequest, in group: ProcessGroup? = nil) throws {
    self.group = group
    guard JudgedSamples.isModel(request.evaluation.samples) else {
      throw SfumatoError(
        .usage, "\(request.evaluation.samples) is no model, and only what a model samples depends on samplers and steps; name a model")
    }
    let samplers: [String?] = request.samplers.isEmpty ? [nil] : request.samplers.map { $0 }
    let steps: [Int?] = request.steps.isEmpty ? [nil] : request.steps.map { $0 }
    guard samplers.count * steps.count <= Self.mostRows else {
      throw SfumatoError(
        .usage,
        "\(samplers.count) samplers and \(steps.count) numbers of steps are too many to compare; expected \(Self.mostRows) pairs at most")
    }
    plot = group.isFirst ? request.plot : nil
    if let plot { try PlotFile.check(plot) }
    let plan = try EvaluationPlan(request.evaluation)
    plans = try samplers.flatMap { sampler in
      try steps.map { count in
        var sampling = request.evaluation.sampling
        if let sampler { sampling.settings.append("sampler.type=\(sampler)") }
        if let count { sampling.steps = count }
        return try plan.sampled(by: sampling)
      }
    }
  }

  /// Pictures that could not be read, of all sets: name and reason.
  public var unreadable: [DataReport.Unreadable] { (previous ?? job)?.unreadable ?? [] }
  /// Rows that are done, and all.
  public var done: Int { rows.count }
  public var count: Int { plans.count }
  /// Whether the next step writes a file.
  public var writesNext: Bool { job?.writesNext ?? (rows.count == plans.count) }

  /// - Returns: the completed fraction; nil when the report is complete.
  /// - Throws: as `EvaluationJob`; errors from writing the plot.
  public func next() throws -> Double? {
    guard rows.count < plans.count else {
      guard let plot, !isWritten else { return nil }
      try PlotFile.write(report().qualityPlot(), to: plot)
      isWritten = true
      return 1
    }
    let job = try self.job ?? EvaluationJob(plans[rows.count], after: previous, in: group)
    self.job = job
    guard let share = try job.next() else {
      try finish(job)
      return Double(rows.count) / Double(plans.count)
    }
    return (Double(rows.count) + share) / Double(plans.count)
  }

  private func finish(_ job: EvaluationJob) throws {
    let report = try job.report()
    guard let sampling = report.sampling else { return }
    reports.append(report)
    rows.append(SamplerComparisonReport.Row(sampling: sampling, figures: report.figures))
    (previous, self.job) = (job, nil)
  }

  /// The table, once `next` has returned nil.
  /// - Throws: `SfumatoError` before the first row is done.
  public func report() throws -> SamplerComparisonReport {
    guard let first = reports.first else { throw SfumatoError(.internal, "no sampler was judged yet") }
    return SamplerComparisonReport(first: first, rows: rows, plot: isWritten ? plot : nil)
  }
}

/// The figures of samplers and steps.
public struct SamplerComparisonReport: Encodable, Sendable, Equatable {
  public struct Row: Encodable, Sendable, Equatable {
    public let sampling: EvaluationReport.Sampling
    public let figures: [EvaluationReport.Figure]
  }

  /// The evaluation of the first row: sets, features, counts, warnings.
  public let first: EvaluationReport
  public let rows: [Row]
  /// The file of the plot, once it is written.
  public let plot: String?
}

extension SamplerComparisonReport {
  /// The Fréchet distance over the evaluations of an image, a curve for each sampler, and that of real pictures.
  func qualityPlot() -> Plot {
    let distances = rows.compactMap { row in row.figures.first { $0.name == "frechet_distance" }.map { (row.sampling, $0) } }
    let names = distances.map(\.0.sampler).reduce(into: [String]()) { names, name in if !names.contains(name) { names.append(name) } }
    var series = names.map { name in
      let points = distances.filter { $0.0.sampler == name }.map { (x: Double($0.0.evaluations), y: $0.1.samples) }
      return Plot.Series(name: name, points: points.sorted { $0.x < $1.x })
    }
    let evaluations = distances.map { Double($0.0.evaluations) }
    if let real = distances.first?.1.real, let least = evaluations.min(), let most = evaluations.max() {
      series.append(Plot.Series(name: "real pictures", points: least < most ? [(least, real), (most, real)] : [(least, real)]))
    }
    return Plot("Frechet distance", horizontal: "evaluations", isLogarithmic: true, series)
  }
}
