import Failures
import Foundation
import Imaging
import Tensors

/// Restores pictures one after another, pulled. Pictures that cannot be read are recorded and skipped; unfinished ones are continued by the
/// next job with the same request.
///
/// Not Sendable: it belongs to the thread that computes.
public final class RestorationJob: PictureJob {
  public let plan: RestorationPlan
  public let restorer: Restorer
  public private(set) var forecast: RestorationForecast
  /// What became of the pictures, in their order.
  public private(set) var outcomes: [RestorationOutcome] = []
  /// The pictures that cannot be restored.
  public private(set) var failures: [FailedPicture] = []

  private let context: RestorationContext
  private let tools: PictureRestoration.Tools
  private let report: RestorationReport?
  private var waiting: [PictureItem]
  private var current: PictureRestoration?
  /// The area of the finished results, in pixels.
  private var doneArea = 0.0
  private let wholeArea: Double

  /// Reads the headers of all pictures and checks what the work will take.
  /// - Parameters:
  ///   - model: a restoration model, as every command takes them, or, where the plan's request has a prior, a model that samples.
  ///   - report: a file for a report: `.json`, `.html`, or `.png` for a sheet of details.
  /// - Throws: `SfumatoError` for a request that the model cannot meet, results that are in the way, and too little disk or memory.
  public init(_ plan: RestorationPlan, model: String, settings: Restorer.Settings, report: String? = nil) throws {
    _ = try VipsLibrary.loaded()
    self.report = try report.map { try RestorationReport(at: $0, beside: plan) }
    self.plan = plan
    let request = plan.request
    restorer =
      try request.prior.map { try Restorer(prior: model, $0, scale: request.scale, settings: settings) }
      ?? Restorer(model, settings: settings)
    context = try RestorationContext(plan.request, restorer, settings, model: model)
    forecast = try RestorationForecast(plan, context)
    failures = forecast.failures
    let finished = Set(forecast.pictures.filter(\.isFinished).map(\.input)), failed = Set(failures.map(\.file))
    waiting = plan.items.filter { !finished.contains($0.source) && !failed.contains($0.source) }.reversed()
    outcomes = forecast.pictures.filter(\.isFinished).map(RestorationOutcome.init(skipped:))
    wholeArea = forecast.pending.reduce(0) { $0 + Self.area($1) }
    tools = PictureRestoration.Tools(
      restorer: restorer, alphaRestorer: Self.alphaRestorer(of: restorer, model, settings), request: plan.request,
      details: self.report?.showsDetails ?? false)
  }

  /// - Throws: `SfumatoError` where disk or memory do not suffice.
  public func checkResources() throws { try forecast.check() }

  /// Measures a tile, so that the forecast says how long the work takes.
  public func measure() throws { try forecast.measure(by: restorer) }

  private static func area(_ picture: RestorationForecast.Picture) -> Double { Double(picture.resultWidth) * Double(picture.resultHeight) }

  /// Opacity is no photograph: it gets the mean of all answers, which models of residuals give in one evaluation.
  private static func alphaRestorer(of restorer: Restorer, _ model: String, _ settings: Restorer.Settings) -> () throws -> Restorer? {
    guard restorer.method.diffusion.residual != nil else { return { nil } }
    var settings = settings, made: Restorer?
    (settings.evaluations, settings.detail) = (1, 0)
    return {
      made = try made ?? Restorer(model, settings: settings)
      return made
    }
  }

  /// Whether the next step writes a result; any other can be ended at any moment without leaving anything half written.
  public var writesNext: Bool { current?.isComputed ?? false }

  public var count: Int { plan.items.count }
  /// The files written so far.
  public var written: [String] { outcomes.filter { !$0.skipped }.map(\.output) }

  /// Takes a step of one picture; the step after its last one writes it, atomically.
  /// - Returns: the completed fraction; nil when all pictures are done.
  /// - Throws: `ImagingError` and `SfumatoError` of class I/O when results or unfinished work cannot be written, `TorchFault` when even the
  ///   smallest tile runs out of memory.
  public func next() throws -> Double? {
    guard let item = waiting.last else { return nil }
    do {
      let picture = try current ?? PictureRestoration(RestorationTask(item, context), tools)
      current = picture
      if !picture.isComputed { return fraction(try picture.next()) }
      try picture.write()
      outcomes.append(RestorationOutcome(picture))
      report?.add(picture)
    } catch {
      guard let failed = FailedPicture(item.source, error) else { throw error }
      current?.abandon()
      failures.append(failed)
    }
    current = nil
    waiting.removeLast()
    if let picture = forecast.pictures.first(where: { $0.input == item.source }) { doneArea += Self.area(picture) }
    return fraction(0)
  }

  private func fraction(_ share: Double) -> Double {
    let area = waiting.last.flatMap { item in forecast.pictures.first { $0.input == item.source } }.map(Self.area) ?? 0
    return min((doneArea + share * area) / max(wholeArea, 1), 1)
  }

  /// Writes the report, if one was requested.
  /// - Returns: its file.
  public func writeReport() throws -> String? {
    guard let report else { return nil }
    try report.write(outcomes, failures)
    return report.file
  }
}

/// What became of a picture.
public struct RestorationOutcome: Encodable, Sendable {
  public let input: String, output: String
  /// Sizes in pixels.
  public let width: Int, height: Int, resultWidth: Int, resultHeight: Int
  /// Those of the first pass.
  public let strengths: [String: Double]
  /// The result was there already, made from the same picture with the same model and settings.
  public let skipped: Bool
  public var seconds: Double?
  /// How far the colours of large areas moved before they were corrected, in levels of 255: the mean, and what 99 % stay below.
  public var colorDriftMean: Double?, colorDriftHigh: Double?
  /// Root mean square of the result, made as small as the input, minus the input, in levels of 255.
  public var inputExplained: Double?
  /// What was done beside restoring, such as a conversion of colours.
  public var remarks: [String] = []

  init(skipped picture: RestorationForecast.Picture) {
    (input, output, skipped) = (picture.input, picture.output, true)
    (width, height) = (picture.width, picture.height)
    (resultWidth, resultHeight) = (picture.resultWidth, picture.resultHeight)
    strengths = picture.strengths
  }

  init(_ picture: PictureRestoration) {
    let task = picture.task
    (input, output, skipped) = (task.item.source, task.item.target, false)
    (width, height) = (task.source.width, task.source.height)
    (resultWidth, resultHeight) = (task.passes.width, task.passes.height)
    strengths = Dictionary(uniqueKeysWithValues: task.namedStrengths.map { ($0.name, $0.value) })
    (seconds, inputExplained, remarks) = (picture.seconds, picture.explained, task.source.remarks)
    (colorDriftMean, colorDriftHigh) = (picture.drift?.mean, picture.drift?.percentile99)
  }
}
