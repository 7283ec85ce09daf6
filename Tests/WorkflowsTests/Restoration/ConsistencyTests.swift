import Failures
import Foundation
import Imaging
import Tensors
import Testing

@testable import Workflows

@Suite("Agreement of results with their inputs") struct ConsistencyTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func mapped(_ tensor: Tensor, _ name: String, _ samples: MappedPicture.Samples = .float32) throws -> MappedPicture {
    let picture = try MappedPicture(
      at: folder.file(name), width: tensor.size(3), height: tensor.size(2), channels: tensor.size(1), samples: samples)
    try picture.write(tensor, row: 0)
    return picture
  }

  @Test(arguments: [(61, 40), (200, 300), (100, 40), (60, 45), (77, 31)])
  func aPictureByPartsIsResampledAsAWhole(height: Int, width: Int) throws {
    let image = TinyRestoring.picture(121, 90).permute(0, 2, 3, 1).clamp(0...1)
    let whole = Image(width: 90, height: 121, channels: 3, bytes: try (image * 255).uint8s())
    let source = try MappedPicture(at: folder.file("source"), width: 90, height: 121, channels: 3, samples: .uint8)
    source.withRows(0..<121) { rows in whole.bytes.withUnsafeBytes { rows.copyMemory(from: $0) } }
    let resampled = MappedResampling(source, width: width, height: height)
    let expected = try whole.resized(width: width, height: height, filter: .bicubic)
    let found = try (resampled.read(rows: 5..<height).clamp(0...1) * 255 + 0.5).permute(0, 2, 3, 1).uint8s()
    // Images are rounded to 8 bits after each axis.
    #expect(zip(found, expected.bytes.dropFirst(5 * width * 3)).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
  }

  @Test func whatWasOnlyReducedIsExplained() throws {
    let large = TinyRestoring.picture(120, 90), result = try mapped(large, "large")
    let reduced = MappedResampling(result, width: 45, height: 60).read(rows: 0..<60)
    #expect(try InputConsistency(result, input: mapped(reduced, "small")).unexplained() < 0.001)
    // 0.01 of the range is 2.55 levels.
    #expect(try abs(InputConsistency(result, input: mapped(reduced + 0.01, "lighter")).unexplained() - 2.55) < 0.01)
  }

  @Test func projectionExplainsTheInput() throws {
    let large = TinyRestoring.picture(120, 90), original = try mapped(large, "large")
    let small = try mapped(MappedResampling(original, width: 45, height: 60).read(rows: 0..<60), "small")
    let result = try mapped(MappedResampling(small, width: 90, height: 120).read(rows: 0..<120), "result")
    let consistency = try InputConsistency(result, input: small), before = try consistency.unexplained()
    let distance = { try (result.read(rows: 0..<120, columns: 0..<90) - large).square().mean().item() }
    let away = try distance()
    try consistency.project(scratch: folder.path)
    #expect(try before > 0.5 && consistency.unexplained() < 0.4 * before)
    #expect(try distance() < away)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/unexplained.canvas"))
  }

  @Test func refusesWhatCannotHaveBeenReduced() throws {
    let small = try mapped(.ones([1, 3, 4, 4]), "small"), large = try mapped(.ones([1, 3, 8, 8]), "large")
    #expect(refusal { try InputConsistency(small, input: large) }?.failure == .data)
    #expect(refusal { try InputConsistency(large, input: mapped(.ones([1, 1, 4, 4]), "grey")) }?.failure == .data)
  }
}
