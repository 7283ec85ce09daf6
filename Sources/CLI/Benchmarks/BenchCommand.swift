import ArgumentParser
import Foundation
import Workflows

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time a network, or the loading of pictures, against PyTorch.",
    discussion: "Without a subcommand a network is timed: 'sfumato bench --quick', 'sfumato bench recipes/glyphs.yaml'.",
    subcommands: [BenchNetwork.self, BenchData.self], defaultSubcommand: BenchNetwork.self)
}

struct BenchNetwork: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network",
    abstract: "Time a network against the machine's peak and against PyTorch.",
    usage: "sfumato bench network [<options>] [<recipe>]",
    discussion: """
      Without a recipe or model, the reference network is timed: an ADM UNet of 8.0 M parameters. The floor is the network's FLOPs \
      divided by the rate of plain convolutions on this machine, measured in the same run. If python3, or the Python named by \
      SFUMATO_PYTHON, can import torch, the same network is timed there in alternation, with as many threads; torch.compile, \
      which takes minutes, is left out with --quick.
      """)

  @Argument(help: "A recipe (.yaml) or model whose network is timed.")
  var recipe: String?

  @Option(help: "Batch size.")
  var batch = 16

  @Option(help: "Timed runs of each measurement, whose median is shown (default: 9; with --quick 3).")
  var repeats: Int?

  @Flag(help: "Fewer runs, and no torch.compile.")
  var quick = false

  @Flag(help: "Time every model and recipe of this repository in float32, at batches of 1, 4, 16 and 50: an hour or more.")
  var shipped = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...65536).contains(batch) else { throw ValidationError("--batch must be 1 to 65536, not \(batch)") }
    if let repeats, !(1...10_000).contains(repeats) { throw ValidationError("--repeats must be 1 to 10000, not \(repeats)") }
    if shipped, recipe != nil { throw ValidationError("--shipped times all models and recipes; leave out \(recipe!)") }
  }

  private func runShipped() throws {
    var request = ShippedBenchmarkRequest()
    request.repeats = repeats ?? (quick ? 3 : 5)
    if quick { request.compiledBatches = [] }
    let benchmark = try ShippedBenchmark(request)
    try LongWork(title: "bench --shipped", quiet: output.quiet).run(benchmark.next) { benchmark.upcoming ?? "" }
    try Console.result(try output.json ? JSONText.of(benchmark.report) : ShippedBenchText(report: benchmark.report).text)
  }

  mutating func run() throws {
    if shipped { return try runShipped() }
    var request = BenchmarkRequest()
    if let recipe { request.subject = try BenchmarkSubject(recipe) }
    request.batch = batch
    request.repeats = repeats ?? (quick ? 3 : 9)
    request.compiles = !quick
    let benchmark = try Benchmark(request)
    try LongWork(title: "bench", quiet: output.quiet).run(benchmark.next) { benchmark.upcoming ?? "" }
    try Console.result(try output.json ? JSONText.of(benchmark.report) : BenchText(report: benchmark.report).text)
    if !output.json, let problem = benchmark.report.pytorchProblem { Console.note(problem) }
  }
}

/// A benchmark's report as tables.
struct BenchText {
  let report: BenchmarkReport

  var text: String { ([subject, ""] + rates + [""] + times + notes).joined(separator: "\n") }

  private var subject: String {
    let r = report
    let share = Int((100 * r.operations.convolutions / r.operations.total).rounded())
    return """
      \(r.name): \(Console.count(Double(r.parameters))) parameters, \(Console.count(r.operations.total))FLOP forward (\(share)% in \
      convolutions), batch \(r.batch) of \(r.image.map(String.init).joined(separator: " x "))
      \(r.machine.processor), \(r.machine.features.joined(separator: " ")); \(r.threads) threads, libtorch \(r.libtorch)
      """
  }

  private var rates: [String] {
    [row("convolutions here", ["forward", "input grad.", "weight grad."])]
      + report.rates.map { rate in
        row("  \(rate.precision)", [rate.forward, rate.inputGradient, rate.weightGradient].map { "\(Int(($0 / 1e9).rounded())) GFLOP/s" })
      }
  }

  private var times: [String] {
    let pytorch = report.pytorch.map { ["PyTorch \($0.version.prefix { $0 != "+" })", "compiled"] } ?? []
    return [row("median of \(report.results.first?.sfumato.runs.count ?? 0)", ["Sfumato", "floor", "of floor"] + pytorch)]
      + report.results.map { result in
        let others = report.pytorch == nil ? [] : [result.eager, result.compiled].map { cell($0, result) }
        let ours = [seconds(result.sfumato.median), seconds(result.floor), String(format: "%.2f", result.ratio)]
        return row("  \(result.workload), \(result.precision)", ours + others)
      }
  }

  /// PyTorch's median, and its ratio to ours.
  private func cell(_ other: BenchmarkReport.PyTorchTimes?, _ result: BenchmarkReport.Result) -> String {
    guard let other else { return "not run" }
    guard other.failure == nil else { return "failed" }
    return "\(seconds(other.times.median)) (\(String(format: "%.2f", other.times.median / result.sfumato.median))x)"
  }

  private var notes: [String] {
    var notes = report.results.flatMap { result in
      [("eager", result.eager), ("compiled", result.compiled)].compactMap { mode, times in
        times?.failure.map { "PyTorch \(mode), \(result.workload), \(result.precision): \($0)" }
      }
    }
    if report.isNoisy, let load = report.loadAtStart {
      notes.append(
        "Other programs were using this machine (load \(String(format: "%.1f", load))): the times are rough, most of all PyTorch's, "
          + "whose threads spin while they wait.")
    }
    return notes.isEmpty ? [] : [""] + notes
  }

  private func seconds(_ value: Double) -> String { String(format: value < 0.1 ? "%.4f s" : "%.3f s", value) }

  private func row(_ title: String, _ cells: [String]) -> String {
    let padded = cells.map { String(repeating: " ", count: max(1, 18 - $0.count)) + $0 }
    return title + String(repeating: " ", count: max(0, 22 - title.count)) + padded.joined()
  }
}
