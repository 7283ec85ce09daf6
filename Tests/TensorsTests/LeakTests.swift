import Foundation
import Testing

/// The count of live tensors is per process, so it is measured in a separate process.
@Suite("Memory") struct LeakTests {
  /// Folders in which the build may have placed the probe: that of the test bundle, or of the program that runs it.
  private static var folders: [URL] {
    var places = [Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0])]
    places += Bundle.allBundles.map(\.bundleURL)
    return places.flatMap { [$0, $0.deletingLastPathComponent()] }
  }

  private func probe() throws -> URL {
    let found = Self.folders.map { $0.appendingPathComponent("LeakProbe") }.first { FileManager.default.isExecutableFile(atPath: $0.path) }
    return try #require(found, "LeakProbe is in none of \(Self.folders.map(\.path))")
  }

  private struct Report: Decodable {
    struct Workload: Decodable {
      let name: String
      let rounds: Int
      let handlesBefore: Int, handlesAfter: Int
      let residentBefore: Int, residentAfter: Int
    }
    let workloads: [Workload]
  }

  @Test(arguments: ["tensors", "workflows"]) func nothingLeaks(from workloads: String) throws {
    let process = Process(), pipe = Pipe()
    process.executableURL = try probe()
    process.arguments = [workloads]
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let report = try JSONDecoder().decode(Report.self, from: output)
    #expect(!report.workloads.isEmpty)
    for workload in report.workloads {
      #expect(workload.handlesAfter == workload.handlesBefore, "\(workload.name)")
      // Allocators keep some freed memory; a leak of one small image a round, or of the gradients of one training step of
      // 200, would be ten times that.
      #expect(workload.residentAfter - workload.residentBefore < 8 << 20, "\(workload.name)")
    }
  }
}
