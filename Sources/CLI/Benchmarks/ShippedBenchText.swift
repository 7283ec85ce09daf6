import Foundation
import Workflows

/// The report of `sfumato bench --shipped` as a table: seconds, and PyTorch's in our times.
struct ShippedBenchText {
  let report: ShippedBenchmarkReport

  var text: String {
    let machine = report.rows.first.map { "\($0.machine.processor); \($0.threads) threads, libtorch \($0.libtorch); float32, medians" }
    let head = line("network, batch, workload", ["Sfumato", "of floor", "PyTorch", "compiled"])
    return
      ([machine].compactMap { $0 } + ["", head] + report.rows.flatMap(lines) + ["", verdict] + report.leftOut.map { "left out: \($0)" })
      .joined(separator: "\n")
  }

  private var verdict: String {
    let count = report.rows.flatMap(\.results).count
    return "\(report.slower) of \(count) results are slower than PyTorch"
  }

  private func lines(_ row: BenchmarkReport) -> [String] {
    row.results.map { result in
      let name = row.name.split(separator: "/").last.map(String.init) ?? row.name
      return line(
        "\(name), \(row.batch), \(result.workload)",
        [
          String(format: "%.4f s", result.sfumato.median), String(format: "%.2f", result.ratio), cell(result.eager, result),
          cell(result.compiled, result),
        ])
    }
  }

  private func cell(_ other: BenchmarkReport.PyTorchTimes?, _ result: BenchmarkReport.Result) -> String {
    guard let other else { return "-" }
    guard other.failure == nil else { return "failed" }
    return String(format: "%.2fx", other.times.median / result.sfumato.median)
  }

  private func line(_ title: String, _ cells: [String]) -> String {
    title + String(repeating: " ", count: max(1, 44 - title.count))
      + cells.map { String(repeating: " ", count: max(1, 12 - $0.count)) + $0 }.joined()
  }
}
