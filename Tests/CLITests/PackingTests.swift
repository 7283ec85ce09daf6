import Foundation
import Testing

/// Weights are packed for the images that they meet: oneDNN's own log shows whether it had to reorder anything later.
@Suite("Packing of weights") struct PackingTests {
  private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("models/digits.safetensors").path

  /// The reorders that oneDNN logs while one digit is sampled.
  private func reorders(steps: Int) throws -> Int {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packing-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try Program.finish(
      Program.start(
        [
          "/usr/bin/env", "ONEDNN_VERBOSE=1", Program.path, "sample", Self.model, "--count", "1", "--steps", "\(steps)", "-o", "a.png",
          "--quiet",
        ],
        in: folder.path))
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n").filter { $0.contains(",exec,") }
    #expect(lines.contains { $0.contains("convolution") }, "oneDNN logged nothing: \(run.output.prefix(300))")
    return lines.count { $0.contains(",reorder,") }
  }

  @Test func noWeightIsReorderedAfterTheFirstStep() throws {
    #expect(try reorders(steps: 2) == reorders(steps: 4))
  }
}
