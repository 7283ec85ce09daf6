import ArgumentParser
import Foundation
import Workflows

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check this installation.",
    discussion: """
      Prints versions, devices and bundled models, then runs checks. Exit codes: 0 all passed, 66 something is missing, 70 a check \
      failed.
      """)

  @Flag(help: "Print results as one JSON object.")
  var json = false

  mutating func run() throws {
    let report = DoctorReport.examine()
    try Console.result(json ? JSONText.of(report) : DoctorText(report: report).text)
    if let failure = report.failure { throw ExitCode(failure.exitCode) }
  }
}

/// A doctor's report as lines.
struct DoctorText {
  let report: DoctorReport

  var text: String { (facts + [""] + report.checks.map(line) + ["", verdict]).joined(separator: "\n") }

  private var facts: [String] {
    report.facts(paths: true).map { "\($0.name.padding(toLength: 12, withPad: " ", startingAt: 0))\($0.value)" }
  }

  private func line(_ check: DoctorReport.Check) -> String {
    switch check.outcome {
    case .ok: "ok       \(check.name)"
    case .failed: "FAILED   \(check.name): \(check.problem ?? "")\n         \(check.advice ?? "")"
    case .missing: "MISSING  \(check.name): \(check.problem ?? "")\n         \(check.advice ?? "")"
    }
  }

  private var verdict: String {
    switch report.failure {
    case nil: "All checks passed."
    case .missing: "Something is missing; see the advice above."
    default: "A check failed; see the advice above."
    }
  }
}
