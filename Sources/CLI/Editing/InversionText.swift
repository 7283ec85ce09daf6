import Foundation
import Workflows

/// How well pictures come back, as a table.
struct InversionText {
  let report: InversionReport

  var text: String {
    let widest = (report.rows.map(\.picture.count) + [7]).max() ?? 7
    func line(_ name: String, _ cells: [String]) -> String {
      let columns = cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
      return name.padding(toLength: widest, withPad: " ", startingAt: 0) + columns.joined()
    }
    func decibels(_ value: Double?) -> String { value.map { String(format: "%.2f", $0) } ?? "equal" }
    let rows = report.rows.map { row in
      line(
        row.picture,
        [
          row.class ?? "none", decibels(row.psnr), String(row.largestError), String(format: "%.3f", row.latentMean),
          String(format: "%.3f", row.latentDeviation),
        ])
    }
    let title = "\(report.steps) steps, \(Console.counted(report.corrections, "correction"))"
    let mean = report.rows.count > 1 ? [line("mean", ["", decibels(report.meanPSNR)])] : []
    return ([title, line("picture", ["class", "PSNR dB", "max error", "mean", "deviation"])] + rows + mean + report.files).joined(
      separator: "\n")
  }
}
