import Foundation
import Imaging
import Tensors
import Testing

@testable import Workflows

@Suite("Doctor") struct DoctorTests {
  @Test func everyCheckPassesHere() {
    let report = DoctorReport.examine()
    for check in report.checks { #expect(check.outcome == .ok, "\(check.name): \(check.problem ?? "")") }
    #expect(report.failure == nil)
    #expect(report.libtorch.headerVersion == report.libtorch.libraryVersion ?? report.libtorch.headerVersion)
    #expect(report.libvips.version?.hasPrefix("8.") == true)
    #expect(report.libarchive.hasPrefix("libarchive 3."))
    #expect(report.devices.first == "cpu")
    #expect(report.machine.cores > 0 && report.machine.memoryBytes > 1 << 28)
  }

  /// What is shown to other machines names no place of this one.
  @Test func factsNamePlacesOnlyOnRequest() throws {
    let report = DoctorReport.examine(), path = try #require(report.libvips.path)
    func text(_ paths: Bool) -> String { report.facts(paths: paths).map { "\($0.name) \($0.value)" }.joined(separator: "\n") }
    #expect(text(true).contains(path) && text(true).contains(report.libtorch.path))
    #expect(!text(false).contains("/lib"))
  }

  @Test func faultFailsACheckWithReasonAndAdvice() {
    let check = DoctorCheck(name: "matrices", advice: "take two aspirins") { try Tensor.ones([2]).reshape([3]).validated() }
    let result = check.run()
    #expect(result.outcome == .failed)
    #expect(result.problem?.contains("reshape") == true)
    #expect(result.advice == "take two aspirins")
  }

  @Test func missingLibraryIsReportedAsMissing() {
    let check = DoctorCheck(name: "pictures", advice: "") { throw ImagingError(.libraryMissing(attempts: ["x: no such file"])) }
    let result = check.run()
    #expect(result.outcome == .missing)
    #expect(result.advice?.contains("./dev setup") == true)
  }

  @Test func failedCheckOutweighsAMissingLibrary() {
    var report = DoctorReport.examine()
    report.checks[0].outcome = .missing
    #expect(report.failure == .missing)
    report.checks[1].outcome = .failed
    #expect(report.failure == .internal)
  }

  @Test func reportSurvivesJSON() throws {
    let report = DoctorReport.examine()
    #expect(try JSONDecoder().decode(DoctorReport.self, from: JSONEncoder().encode(report)) == report)
  }
}
