import Foundation
import Workflows

/// Figures of a set as a table.
struct EvaluationText {
  let report: EvaluationReport

  var text: String { (facts + [""] + table).joined(separator: "\n") }

  /// What was compared with what.
  var facts: [String] {
    let r = report
    let others = r.referenceCount.map { "; \($0) of \(r.reference), and \(r.realCount ?? 0) other real ones beside them" } ?? ""
    let statistics = r.statistics.count.map { "of \($0) pictures" } ?? "of an unknown number of pictures"
    let sampling = r.sampling.map { ["  sampled     \($0.sampler), \($0.steps) steps, guidance \(Console.number($0.guidance))"] } ?? []
    return ["\(r.samples) against \(r.reference)"] + sampling + [
      "  pictures    \(r.count) samples\(others); seed \(r.seed)",
      "  features    \(r.features), \(r.featureCount) numbers of images of \(r.height) x \(r.width) x \(r.channels)\(resizing)",
      "  statistics  \(statistics), \(r.statistics.digest)\(r.statistics.file.map { ", \($0)" } ?? "")",
    ]
  }

  private var resizing: String { report.resizing.map { ", resized as by \($0.rawValue)" } ?? "" }

  private var table: [String] {
    let widest = report.figures.map(\.name.count).max() ?? 0
    func row(_ name: String, _ samples: String, _ real: String, _ note: String) -> String {
      let cells = "\(name.padding(toLength: widest, withPad: " ", startingAt: 0))  \(Self.right(samples))  \(Self.right(real))"
      return note.isEmpty ? "  " + cells : "  \(cells)  \(note)"
    }
    return [row("", "samples", "real", "")]
      + report.figures.map { figure in
        let note = figure.isBetterHigher ? "higher is better" : "lower is better"
        return row(
          figure.name.replacing("_", with: " "), Self.number(figure.samples, figure.samplesDeviation),
          figure.real.map { Self.number($0, figure.realDeviation) } ?? "", note)
      }
  }

  private static func number(_ value: Double, _ deviation: Double?) -> String {
    Console.number(value) + (deviation.map { " ± \(String(format: "%.2g", $0))" } ?? "")
  }

  private static func right(_ text: String) -> String { String(repeating: " ", count: max(0, 20 - text.count)) + text }
}

/// Figures of samplers and steps as a table.
struct SamplerComparisonText {
  let report: SamplerComparisonReport

  var text: String {
    var facts = EvaluationText(report: report.first).facts
    // That of the first row alone.
    facts.removeAll { $0.contains("sampled  ") }
    return (facts + [""] + table + [report.plot].compactMap { $0 }).joined(separator: "\n")
  }

  private var table: [String] {
    let figures = report.first.figures
    let header = ["sampler", "steps", "evaluations", "s/image"] + figures.map { $0.name.replacing("_", with: " ") }
    let rows = report.rows.map { row in
      [row.sampling.sampler, String(row.sampling.steps), String(row.sampling.evaluations)]
        + [row.sampling.secondsPerImage.map { String(format: "%.3g", $0) } ?? ""] + row.figures.map { Console.number($0.samples) }
    }
    let real = ["real pictures", "", "", ""] + figures.map { $0.real.map(Console.number) ?? "" }
    let lines = [header] + rows + (figures.contains { $0.real != nil } ? [real] : [])
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      line.indices.map { at in
        let space = String(repeating: " ", count: widths[at] - line[at].count)
        return at == 0 ? line[at] + space : space + line[at]
      }.joined(separator: "  ")
    }
  }
}

/// Figures of pairs as a table.
struct PairText {
  let report: PairReport

  var text: String {
    let widest = (report.rows.map(\.name.count) + [4]).max() ?? 4
    func line(_ name: String, _ cells: [String]) -> String {
      let columns = cells.map { String(repeating: " ", count: max(0, 9 - $0.count)) + $0 }
      return name.padding(toLength: widest, withPad: " ", startingAt: 0) + "  " + columns.joined()
    }
    func row(_ figures: PairReport.Row) -> String {
      let psnr = figures.psnr.map { String(format: "%.2f", $0) } ?? "equal"
      return line(figures.name, [psnr] + [figures.ssim, figures.msSsim].map { $0.map { String(format: "%.4f", $0) } ?? "-" })
    }
    let crop = report.crop > 0 ? ", without \(report.crop) pixels at each side" : ""
    let title = "\(report.pictures) against \(report.originals): \(report.rows.count) pairs, \(report.channel.rawValue)\(crop)"
    let note = "the mean PSNR is without \(report.equal) that equal their originals"
    let equal = report.equal > 0 && report.equal < report.rows.count ? [note] : []
    return ([title, line("", ["PSNR dB", "SSIM", "MS-SSIM"])] + report.rows.map(row) + [row(report.mean)] + equal).joined(separator: "\n")
  }
}
