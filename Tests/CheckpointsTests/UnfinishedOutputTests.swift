import Failures
import Foundation
import TestSupport
import Testing

@testable import Checkpoints

@Suite("Outputs that are not finished yet") struct UnfinishedOutputTests {
  private let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() } }

  private func left(_ name: String) throws -> String {
    let left = ".\(name).\(UUID().uuidString).part"
    _ = try folder.write("half", to: left)
    return left
  }

  @Test func whatKilledProcessesLeftGoesWithTheNextWriting() throws {
    _ = try (left("a.bin"), left("a.bin"))
    let other = try left("b.bin")
    _ = try folder.write("mine", to: ".a.bin.notes.part")
    try AtomicFile.write("whole", to: "\(folder.path)/a.bin")
    #expect(try names == [".a.bin.notes.part", other, "a.bin"].sorted())
  }

  @Test func whatAnotherWriterHoldsStays() throws {
    let place = "\(folder.path)/a.bin", held = try #require(UnfinishedOutput(of: place, .file))
    try AtomicFile.write("whole", to: place)
    #expect(try names == [(held.path as NSString).lastPathComponent, "a.bin"].sorted())
    withExtendedLifetime(held) {}
  }

  @Test func aFolderIsHeldAndSweptAlike() throws {
    let place = "\(folder.path)/export"
    var first = UnfinishedOutput(of: place, .folder)
    #expect(try names.count == 1)
    let second = try #require(UnfinishedOutput(of: place, .folder))
    #expect(try names.count == 2)
    first = nil
    let third = try #require(UnfinishedOutput(of: place, .folder))
    #expect(try names == [second.path, third.path].map { ($0 as NSString).lastPathComponent }.sorted() && first == nil)
    #expect(third.move(to: place))
    #expect(try names.contains("export"))
    withExtendedLifetime(second) {}
  }

  @Test func aFailureLeavesNothing() throws {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try AtomicFile.write(to: "\(folder.path)/a.bin") { _ in throw Stop() } }
    #expect(try names.isEmpty && UnfinishedOutput(of: "\(folder.path)/missing/a.bin", .file) == nil)
  }
}
