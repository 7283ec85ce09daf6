import ArgumentParser
import Workflows

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what was found on this machine, and whether everything works.",
    discussion: "Exit code 0: all is well; 66: something is missing; 70: a check failed.")

  @Flag(help: "Results as one JSON object on standard output.")
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
    let features = r.machine.features.isEmpty ? "no vector extensions that matter" : r.machine.features.joined(separator: " ")
    let vips = r.libvips.problem ?? "\(r.libvips.version ?? "") \(r.libvips.path ?? "")"
    return [
      "Sfumato     \(r.version), \(r.build) build by Swift \(r.swift)",
      "system      \(r.machine.system)",
      "processor   \(r.machine.processor), \(r.machine.cores) cores: \(features)",
      "memory      \(Console.bytes(Int(clamping: r.machine.memoryBytes)))",
      "libtorch    \(r.libtorch.libraryVersion ?? "a version that it does not tell"), built for \(r.libtorch.headerVersion), \(r.libtorch.path)",
      "            kernels for \(r.libtorch.capability), \(r.libtorch.threads) threads (\(r.libtorch.parallelBackend))",
      "devices     \(r.devices.joined(separator: ", "))",
      "libvips     \(vips)",
      "libarchive  \(r.libarchive)",
      "models      \(r.models.isEmpty ? "none come along" : r.models.keys.sorted().joined(separator: ", "))",
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
    case nil: "All is well."
    case .missing: "Something is missing; what to do stands above."
    default: "Something does not work; what to do stands above."
    }
  }
}
