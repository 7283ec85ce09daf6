import ArgumentParser
import Foundation
import Workflows

struct BenchData: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Time the loading of pictures against PyTorch's DataLoader.",
    usage: "sfumato bench data [<options>] [<source>]",
    discussion: """
      Loads random tiles of 256 x 256 pixels from JPEG photographs, and whole pictures of 64 x 64, as training does: colour, in \
      batches of floats. The pictures are generated unless a folder is given; from a folder, tiles are loaded where pictures have \
      256 pixels or more, else whole pictures at 64. If python3, or the Python named by SFUMATO_PYTHON, can import torch and \
      PIL, its DataLoader with Pillow loads the same pictures in alternation, with as many workers.
      """)

  @Argument(help: "A folder of pictures.")
  var source: String?

  @Option(help: "Threads of Sfumato and processes of PyTorch (default: the number of cores).")
  var workers: Int?

  @Option(help: "Batch size.")
  var batch = 32

  @Option(help: "Timed rounds of each measurement (default: 7; with --quick 3).")
  var repeats: Int?

  @Flag(help: "Fewer and shorter rounds.")
  var quick = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let workers, !(1...256).contains(workers) { throw ValidationError("--workers must be 1 to 256, not \(workers)") }
    guard (1...65536).contains(batch) else { throw ValidationError("--batch must be 1 to 65536, not \(batch)") }
    if let repeats, !(1...10_000).contains(repeats) { throw ValidationError("--repeats must be 1 to 10000, not \(repeats)") }
  }

  mutating func run() throws {
    var request = DataBenchmarkRequest()
    (request.source, request.workers, request.batch) = (source, workers, batch)
    request.repeats = repeats ?? (quick ? 3 : 7)
    if quick { request.seconds = 1 }
    let benchmark = try DataBenchmark(request)
    try LongWork(title: "bench data", quiet: output.quiet).run(benchmark.next) { benchmark.upcoming ?? "" }
    try Console.result(try output.json ? JSONText.of(benchmark.report) : BenchDataText(report: benchmark.report).text)
    if !output.json, let problem = benchmark.report.pytorchProblem { Console.note(problem) }
  }
}

/// The report as a table.
struct BenchDataText {
  let report: DataBenchmarkReport

  var text: String { ([machine, "", head] + report.results.flatMap(rows) + notes).joined(separator: "\n") }

  private var machine: String {
    let pytorch = report.pytorch.map { ", PyTorch \($0.version.prefix { $0 != "+" }) with Pillow \($0.pillow)" } ?? ""
    return "\(report.machine.processor), \(report.workers) workers, batches of \(report.batch)\(pytorch)"
  }

  private var head: String { row("pictures per second", ["slowest", "median", "fastest", "times"]) }

  private func rows(_ result: DataBenchmarkReport.Result) -> [String] {
    let megabytes = String(format: "%.1f", Double(result.bytes) / 1e6)
    var rows = ["\(result.name): \(result.pictures) pictures, \(megabytes) MB", row("  Sfumato", cells(result.sfumato))]
    if let pytorch = result.pytorch {
      rows.append(row("  PyTorch", cells(pytorch)))
      rows[1] = row("  Sfumato", cells(result.sfumato) + [result.advantage.map { String(format: "%.2f", $0) } ?? ""])
    }
    if let failure = result.pytorchFailure { rows.append("  PyTorch failed: \(failure)") }
    return rows
  }

  private func cells(_ rates: DataBenchmarkReport.Rates) -> [String] {
    [rates.slowest, rates.median, rates.fastest].map { String(format: $0 < 100 ? "%.1f" : "%.0f", $0) }
  }

  private var notes: [String] {
    guard report.isNoisy, let load = report.loadAtStart else { return [] }
    return ["", "Other programs were using this machine (load \(String(format: "%.1f", load))): the rates are rough."]
  }

  private func row(_ title: String, _ cells: [String]) -> String {
    let padded = cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }
    return title + String(repeating: " ", count: max(0, 22 - title.count)) + padded.joined()
  }
}
