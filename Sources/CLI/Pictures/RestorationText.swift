import Workflows

/// The results of `sfumato restore` as text.
enum RestorationText {
  /// The forecast: a line for each picture, and the sum.
  static func show(_ job: RestorationJob, json: Bool) throws {
    let forecast = job.forecast
    if json { return try Console.result(JSONText.of(forecast)) }
    for failure in forecast.failures { Console.error(failure.problem) }
    for picture in forecast.pictures { try Console.result(line(picture)) }
    let pending = forecast.pictures.filter { !$0.isFinished }
    guard !pending.isEmpty else { return try Console.result("nothing to do") }
    let seconds = pending.compactMap(\.seconds).reduce(0, +), pixels = pending.reduce(0) { $0 + $1.resultWidth * $1.resultHeight }
    try Console.result(
      "\(Console.counted(pending.count, "picture")), \(Console.number(Double(pixels) / 1e6)) megapixels: "
        + "memory \(Console.bytes(pending.map(\.memoryBytes).max() ?? 0)), "
        + "disk \(Console.bytes(pending.map(\.scratchBytes).max() ?? 0)) while working and up to "
        + "\(Console.bytes(pending.reduce(0) { $0 + $1.resultBytes })) for results, about \(Console.duration(seconds))")
  }

  private static func line(_ picture: RestorationForecast.Picture) -> String {
    let sizes = "\(picture.width) x \(picture.height) to \(picture.resultWidth) x \(picture.resultHeight)"
    guard !picture.isFinished else { return "\(picture.output): \(sizes), finished before" }
    let strengths = picture.strengths.sorted { $0.key < $1.key }.filter { $0.value > 0 }.map { "\($0.key) \(Console.number($0.value))" }
    return "\(picture.output): \(sizes), \(Console.counted(picture.tiles, "tile")) of "
      + "\(Console.counted(picture.evaluations, "evaluation")), "
      + "memory \(Console.bytes(picture.memoryBytes)), disk \(Console.bytes(picture.scratchBytes))"
      + (picture.seconds.map { ", about \(Console.duration($0))" } ?? "")
      + (strengths.isEmpty ? "" : "; \(strengths.joined(separator: ", "))")
  }

  static func report(_ job: RestorationJob, report: String?, _ seconds: Double, _ shown: OutputOptions) throws {
    let skipped = job.outcomes.filter(\.skipped)
    if shown.json {
      let result = Result(
        pictures: job.outcomes, failures: job.failures, leftOut: job.plan.leftOut, evaluations: job.restorer.evaluations,
        tile: job.restorer.tile, report: report, seconds: seconds)
      return try Console.result(JSONText.of(result))
    }
    for file in job.written + [report].compactMap({ $0 }) { try Console.result(file) }
    guard !shown.quiet else { return }
    for outcome in job.outcomes where !outcome.remarks.isEmpty {
      Console.note("\(outcome.input): \(outcome.remarks.joined(separator: "; "))")
    }
    let count = job.written.count
    var facts = ["\(Console.counted(count, "picture")) restored in \(Console.duration(seconds))"]
    if !skipped.isEmpty { facts.append("\(skipped.count) finished before") }
    if !job.failures.isEmpty { facts.append("\(job.failures.count) failed") }
    if job.plan.leftOut > 0 { facts.append("\(job.plan.leftOut) left out, not pictures") }
    Console.note(facts.joined(separator: "; "))
  }

  private struct Result: Encodable {
    let pictures: [RestorationOutcome], failures: [FailedPicture]
    /// The number of files in the folders that are not pictures.
    let leftOut: Int
    /// `tile`: the final tile size, smaller than requested if memory ran out.
    let evaluations: Int, tile: Int
    let report: String?
    let seconds: Double
  }
}
