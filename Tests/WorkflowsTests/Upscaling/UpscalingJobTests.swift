import Failures
import Foundation
import Imaging
import Testing

@testable import Workflows

@Suite("Upscaling files") struct UpscalingJobTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func put(_ width: Int, _ height: Int, channels: Int = 3, at name: String) throws -> String {
    let file = try folder.file(name)
    try TinyUpscaler.picture(width, height, channels: channels).write(to: file)
    return file
  }

  private func run(_ plan: UpscalingPlan) throws -> UpscalingJob {
    let job = try UpscalingJob(plan, by: TinyUpscaler.magnifier(TinyUpscaler.settings(tile: 16)))
    var last = 0.0
    while let share = try job.next() {
      #expect(share >= last && share <= 1)
      last = share
    }
    #expect(last == 1)
    return job
  }

  @Test func onePictureIsWrittenToTheNamedFile() throws {
    let source = try put(20, 10, at: "a.png"), target = "\(folder.path)/b.png"
    let job = try run(UpscalingPlan([source], output: target))
    #expect(job.written == [target] && job.failures.isEmpty)
    #expect(try Image(file: target) == TinyUpscaler.picture(20, 10).magnified(by: 4))
  }

  @Test(arguments: 1...4) func sixteenBitsAreKeptInAPNGAndRoundedInAJPEG(channels: Int) throws {
    let samples = (0..<(20 * 10 * channels)).map { UInt16(truncatingIfNeeded: $0 &* 2111 &+ 77) }
    let deep = DeepImage(width: 20, height: 10, channels: channels, samples: samples), source = try folder.file("a.png")
    try deep.write(to: source)
    let target = "\(folder.path)/b.png"
    #expect(try run(UpscalingPlan([source], output: target)).failures.isEmpty)
    let reader = try PictureReader(file: target)
    #expect(reader.isDeep && reader.width == 80 && reader.height == 40 && reader.channels == channels)
    let result = try reader.deepImage(), colors = channels < 3 ? 1 : 3
    for (row, column) in [(0, 0), (3, 79), (39, 40)] {
      let from = (row / 4 * 20 + column / 4) * channels, to = (row * 80 + column) * channels
      // Luma, by which grey comes back from the network's three channels, rounds; float32 holds 16 bits.
      for c in 0..<colors { #expect(abs(Int(result.samples[to + c]) - Int(samples[from + c])) <= 1) }
    }
    let narrow = "\(folder.path)/b.jpg"
    #expect(try run(UpscalingPlan([source], output: narrow)).failures.isEmpty)
    #expect(try !PictureReader(file: narrow).isDeep)
  }

  @Test func comparisonShowsDetailsBeforeAndAfterSideBySide() throws {
    let source = try put(120, 10, at: "a.png"), target = "\(folder.path)/b.png", sheet = "\(folder.path)/sheet.png"
    let plan = try UpscalingPlan([source], output: target)
    let job = try UpscalingJob(plan, by: TinyUpscaler.magnifier(TinyUpscaler.settings(tile: 16)), comparison: sheet)
    while try job.next() != nil {}
    #expect(try job.writeComparison() == sheet)
    // A detail of 96 x 10 pixels from the middle, four times as large, below its title.
    let drawn = try Image(file: sheet), before = try Image(file: source), after = try Image(file: target)
    #expect(drawn.width == 2 + 2 * (384 + 2) && drawn.height == 2 + 20 + 40 + 2)
    let left = drawn.cropped(row: 22, column: 2, width: 384, height: 40),
      right = drawn.cropped(row: 22, column: 388, width: 384, height: 40)
    #expect(right == after.cropped(row: 0, column: 48, width: 384, height: 40))
    #expect(try left == before.cropped(row: 0, column: 12, width: 96, height: 10).resized(width: 384, height: 40))
    for file in [source, target] {
      #expect(refusal { try UpscalingJob(plan, by: TinyUpscaler.magnifier(TinyUpscaler.settings(tile: 16)), comparison: file) } != nil)
    }
  }

  @Test func folderKeepsNamesAndReportsUnreadablePictures() throws {
    _ = try put(20, 10, at: "in/a.png")
    _ = try put(18, 18, channels: 1, at: "in/B.GIF")
    _ = try put(17, 9, channels: 4, at: "in/c.webp")
    _ = try folder.write("this is no picture", to: "in/broken.jpg")
    _ = try folder.write("notes", to: "in/notes.txt")
    _ = try put(8, 8, at: "in/deeper/d.png")
    _ = try put(8, 8, at: "in/.hidden.png")
    let plan = try UpscalingPlan(["\(folder.path)/in"], output: "\(folder.path)/out/")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    #expect(plan.leftOut == 1)
    let job = try run(plan)
    #expect(Set(job.written) == Set(["B.png", "a.png", "c.webp"].map { "\(folder.path)/out/\($0)" }))
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").sorted() == ["B.png", "a.png", "c.webp"])
    #expect(job.failures.map(\.file) == ["\(folder.path)/in/broken.jpg"])
    #expect(job.failures[0].problem.contains("is plain text: 'this is no picture'; expected a picture"))
    #expect(try Image(file: "\(folder.path)/out/c.webp").hasAlpha)
  }

  @Test func sixteenBitsBecomeEight() throws {
    // A PNG of 2 x 1 grey pixels of 16 bits: 0x8000 and 0xFFFF.
    let png = try #require(
      Data(base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABEAAAAACB2fwVAAAADUlEQVR42mNoYPj/HwAFAgJ/yQDWdQAAAABJRU5ErkJggg=="))
    let source = try folder.write([UInt8](png), to: "deep.png")
    let job = try run(UpscalingPlan([source], output: "\(folder.path)/flat.png"))
    #expect(job.failures.isEmpty)
    let result = try Image(file: "\(folder.path)/flat.png")
    #expect(result.channels == 1 && [127, 128].contains(result[0, 0]) && result[3, 7] == 255)
  }

  @Test func overwritingAndDuplicateNamesAreRefused() throws {
    let a = try put(4, 4, at: "in/x.png"), b = try put(4, 4, at: "other/x.png"), gif = try put(4, 4, at: "in/x.gif")
    let out = "\(folder.path)/out"
    #expect(refusal { try UpscalingPlan([a, b], output: out) }?.description.contains("would both become \(out)/x.png") == true)
    #expect(try UpscalingPlan([gif, a], output: out).items.map(\.target) == ["\(out)/x.gif.png", "\(out)/x.png"])
    #expect(refusal { try UpscalingPlan([a], output: a) }?.description.contains("would be overwritten") == true)
    #expect(refusal { try UpscalingPlan(["\(folder.path)/other"], output: "\(folder.path)/other") }?.failure == .usage)
    // The same folder by another name.
    try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: "\(folder.path)/other")
    #expect(refusal { try UpscalingPlan(["\(folder.path)/other"], output: "\(folder.path)/link") }?.failure == .usage)
  }

  @Test func missingSourcesAndUnwritableOutputsAreRefused() throws {
    let a = try put(4, 4, at: "a.png"), b = try put(4, 4, at: "b.png")
    let text = try folder.write("", to: "empty/notes.txt")
    let cases: [([String], String, Failure)] = [
      (["\(folder.path)/none.png"], "\(folder.path)/o.png", .missing), (["\(folder.path)/empty"], "\(folder.path)/o", .missing),
      ([a], "\(folder.path)/o.txt", .usage), ([a], "\(folder.path)/o", .usage), ([a], "", .usage), ([a, b], text, .usage),
      ([a], "\(folder.path)/nowhere/o.png", .io), ([a, b], "\(folder.path)/nowhere/deeper/o", .io),
    ]
    for (sources, output, failure) in cases {
      #expect(refusal { try UpscalingPlan(sources, output: output) }?.failure == failure, "\(sources) to \(output)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a.png", "b.png", "empty"])
  }

  @Test func unwritableResultEndsTheJob() throws {
    let sources = try ["a", "b"].map { try put(4, 4, at: "\($0).png") }
    let plan = try UpscalingPlan(sources, output: "\(folder.path)/out")
    _ = try folder.write("in the way", to: "out")
    let job = try UpscalingJob(plan, by: TinyUpscaler.magnifier(TinyUpscaler.settings(tile: 16)))
    let error = #expect(throws: ImagingError.self) { while try job.next() != nil {} }
    #expect(error.map(Failure.init(of:)) == .io)
    #expect(job.failures.isEmpty)
  }
}
