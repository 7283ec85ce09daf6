import ArgumentParser
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
    let r = report
    let features = r.machine.features.isEmpty ? "no relevant vector extensions" : r.machine.features.joined(separator: " ")
    let vips = r.libvips.problem ?? "\(r.libvips.version ?? "") \(r.libvips.path ?? "")"
    return [
      "Sfumato     \(r.version), \(r.build) build by Swift \(r.swift)",
      "system      \(r.machine.system)",
      "processor   \(r.machine.processor), \(r.machine.cores) cores: \(features)",
      "memory      \(Console.bytes(Int(clamping: r.machine.memoryBytes)))",
      "libtorch    \(r.libtorch.libraryVersion ?? "unknown version"), built for \(r.libtorch.headerVersion), \(r.libtorch.path)",
      "            kernels for \(r.libtorch.capability), \(r.libtorch.threads) threads (\(r.libtorch.parallelBackend))",
      "devices     \(r.devices.map { "\($0) in \(r.precisions[$0] ?? "float32")" }.joined(separator: ", "))",
      "libvips     \(vips)",
      "libarchive  \(r.libarchive)",
      "models      \(r.models.isEmpty ? "none bundled" : r.models.keys.sorted().joined(separator: ", "))",
    ]
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
