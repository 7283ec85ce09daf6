import Archives
import Foundation
import Imaging
import Testing
import Training

@testable import Workflows

@Suite("Pictures of samples") struct SamplePicturesTests {
  let folder: ScratchFolder
  let model: Model

  init() throws {
    folder = try ScratchFolder()
    model = try Tiny.model()
  }

  private func job(_ count: Int = 20) throws -> SamplingJob {
    try SamplingJob(request(count) { $0.tracedCount = min(count, 4) }, model: model)
  }

  @Test func areWrittenWhereTheyAreWanted() throws {
    let pictures = SamplePictures(
      grid: try folder.file("grid.png"), animation: try folder.file("steps.gif"), npz: try folder.file("samples.npz"))
    let job = try job()
    try pictures.check(job)
    _ = try job.finish()
    let files = try pictures.write(job)
    #expect(files == ["grid.png", "steps.gif", "samples.npz"].map { "\(folder.path)/\($0)" })
    let grid = try Image(file: files[0])
    // Ten classes make ten columns; images of 8 pixels are magnified seven times.
    #expect(grid.width == 2 + 10 * 58 && grid.height == 2 + 2 * 58)
    #expect(try Animation(file: files[1]).frames.count == 5)
    let archive = try ArchiveReader(path: files[2])
    #expect(try archive.next()?.name == "arr_0.npy")
    #expect(try archive.next()?.name == "arr_1.npy")
  }

  @Test(arguments: [
    ("nowhere/grid.png", Failure.io, "there is no folder"), ("grid.txt", .usage, ".png, .jpg, .webp and .gif"),
    ("grid", .usage, "no ending"),
    ("", .usage, "ending"),
  ])
  func aPictureThatCouldNotBeWrittenIsRefusedBefore(name: String, failure: Failure, words: String) throws {
    let job = try job()
    let error = refusal { try SamplePictures(grid: name.isEmpty ? "" : "\(folder.path)/\(name)").check(job) }
    #expect(error?.failure == failure)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "taken")")
  }

  @Test func aFolderOrAPlaceThatNobodyCanWriteToIsRefusedBefore() throws {
    let job = try job()
    _ = try folder.file("taken.png/inside")
    #expect(refusal { try SamplePictures(grid: "\(folder.path)/taken.png").check(job) }?.failure == .io)
    let file = try folder.write("", to: "file")
    #expect(refusal { try SamplePictures(grid: "\(file)/grid.png").check(job) }?.failure == .io)
    #if os(Linux)
      #expect(refusal { try SamplePictures(grid: "/proc/grid.png").check(job) }?.failure == .io)
    #endif
  }

  @Test func checkingLeavesNothingBehind() throws {
    try SamplePictures(grid: try folder.file("grid.png")).check(job())
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  @Test func whatCannotBeAPictureIsRefusedBefore() throws {
    let grid = try folder.file("grid.png"), still = try folder.file("steps.png")
    #expect(refusal { try SamplePictures(grid: grid, animation: still).check(job()) }?.description.contains("no animation") == true)
    #expect(refusal { try SamplePictures(grid: grid, npz: grid).check(job()) }?.description.contains("one file") == true)
    for columns in [0, -1, 20_000] {
      #expect(refusal { try SamplePictures(grid: grid, columns: columns).check(job()) }?.failure == .usage)
    }
    #expect(refusal { try SamplePictures(grid: grid).check(job(100_000)) }?.description.contains("too many") == true)
  }
}
