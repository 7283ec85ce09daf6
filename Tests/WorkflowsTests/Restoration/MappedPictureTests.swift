import Failures
import Foundation
import Tensors
import Testing

@testable import Workflows

@Suite("Mapped pictures") struct MappedPictureTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func picture(
    _ samples: MappedPicture.Samples, width: Int = 7, height: Int = 5, keeping: Bool = false, name: String = "picture"
  ) throws -> MappedPicture {
    try MappedPicture(at: "\(folder.path)/\(name)", width: width, height: height, channels: 3, samples: samples, keeping: keeping)
  }

  @Test(arguments: [(MappedPicture.Samples.uint8, 0.5 / 255), (.uint16, 0.51 / 65_535), (.float32, 0)])
  func giveBackWhatWasWritten(samples: MappedPicture.Samples, precision: Double) throws {
    let values = Tensor.rand([1, 3, 3, 4], using: Generator(seed: 1)), picture = try picture(samples)
    try picture.write(values, row: 1, column: 2)
    // Half a step of rounding, and that of float32.
    #expect(try (picture.read(rows: 1..<4, columns: 2..<6) - values).abs().max().item() <= precision + 1e-7)
    let whole = picture.read(rows: 0..<5, columns: 0..<7)
    #expect(try whole.narrow(2, 1, 3).narrow(3, 2, 4).floats() == picture.read(rows: 1..<4, columns: 2..<6).floats())
    #expect(try whole.narrow(2, 0, 1).abs().max().item() == 0)
    #expect(try whole.narrow(3, 6, 1).abs().max().item() == 0)
  }

  /// A copy: what is written later does not change it.
  @Test func whatWasReadStays() throws {
    let picture = try picture(.float32)
    let before = picture.read(rows: 0..<5, columns: 0..<7)
    try picture.write(.ones([1, 3, 5, 7]), row: 0)
    #expect(try before.max().item() == 0)
  }

  @Test func storeBytesInOrder() throws {
    let (bytes, words) = (try picture(.uint8), try picture(.uint16, name: "words"))
    let values = Tensor([0, 0.5, 1] as [Float], [1, 3, 1, 1])
    for picture in [bytes, words] { try picture.write(values, row: 4, column: 6) }
    #expect(bytes.withRows(4..<5) { Array($0.suffix(3)) } == [0, 128, 255])
    #expect(words.withRows(4..<5) { Array($0.bindMemory(to: UInt16.self).suffix(3)) } == [0, 32_768, 65_535])
  }

  @Test(arguments: [MappedPicture.Samples.uint8, .uint16]) func clampAndBlackenWhatIsNoColour(samples: MappedPicture.Samples) throws {
    let picture = try picture(samples)
    try picture.write(Tensor([-0.5, 1.5, .nan] as [Float], [1, 3, 1, 1]), row: 0)
    #expect(try picture.read(rows: 0..<1, columns: 0..<1).floats() == [0, 1, 0])
  }

  @Test func mirrorWhatLiesBeyondAsOftenAsItTakes() throws {
    let line = try MappedPicture(at: folder.file("line"), width: 3, height: 1, channels: 1, samples: .float32)
    try line.write(Tensor([10, 20, 30] as [Float], [1, 1, 1, 3]), row: 0)
    let seen = line.readMirrored(rows: -1..<2, columns: -3..<9)
    #expect(seen.shape == [1, 1, 3, 12])
    for row in 0..<3 {
      #expect(try seen.narrow(2, row, 1).floats() == [20, 30, 20, 10, 20, 30, 20, 10, 20, 30, 20, 10])
    }
  }

  @Test func keepTheFileOfAnEarlierRun() throws {
    let first = try picture(.uint8)
    #expect(!first.wasKept)
    try first.write(.ones([1, 3, 5, 7]), row: 0)
    try first.synchronize(rows: 1..<4)
    first.release(rows: 0..<5)
    let kept = try picture(.uint8, keeping: true)
    #expect(kept.wasKept)
    #expect(try kept.read(rows: 0..<5, columns: 0..<7).min().item() == 1)
    #expect(try picture(.uint8).read(rows: 0..<5, columns: 0..<7).max().item() == 0)
  }

  @Test func refuseAFileOfAnotherSize() throws {
    _ = try picture(.uint8)
    let error = try #require(refusal { try picture(.uint8, width: 8, keeping: true) })
    #expect(error.failure == .data)
    #expect(error.description.hasSuffix("has 105 bytes; expected 120; delete it to begin anew"))
  }

  @Test func refuseWhatNoDiskHolds() throws {
    #expect(MappedPicture.bytes(width: 1 << 40, height: 1 << 40, channels: 3, samples: .uint8) == nil)
    #expect(MappedPicture.bytes(width: 0, height: 4, channels: 3, samples: .uint8) == nil)
    #expect(refusal { try picture(.float32, width: 1 << 50) }?.failure == .data)
    let nowhere = refusal {
      try MappedPicture(at: "\(folder.path)/none/picture", width: 1, height: 1, channels: 1, samples: .uint8)
    }
    #expect(nowhere?.failure == .io)
  }

  @Test func refuseToWriteAFault() throws {
    let picture = try picture(.uint8)
    #expect(throws: TorchFault.self) { try picture.write(Tensor.ones([2]).failed("test", "broken"), row: 0) }
  }
}
