import Archives
import Failures
import Foundation
import Imaging
import Models
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

  @Test func areWrittenToTheRequestedFiles() throws {
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
    ("nowhere/grid.png", Failure.io, "there is no folder"), ("grid.txt", .usage, ".png, .jpg, .webp, .gif and .tif"),
    ("grid", .usage, "no ending"),
    ("", .usage, "ending"),
  ])
  func unwritablePictureIsRefusedBeforehand(name: String, failure: Failure, words: String) throws {
    let job = try job()
    let error = refusal { try SamplePictures(grid: name.isEmpty ? "" : "\(folder.path)/\(name)").check(job) }
    #expect(error?.failure == failure)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "taken")")
  }

  @Test func foldersAndUnwritablePlacesAreRefusedBeforehand() throws {
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

  @Test func invalidPicturesAreRefusedBeforehand() throws {
    let grid = try folder.file("grid.png"), still = try folder.file("steps.png")
    #expect(refusal { try SamplePictures(grid: grid, animation: still).check(job()) }?.description.contains("no animation") == true)
    #expect(refusal { try SamplePictures(grid: grid, npz: grid).check(job()) }?.description.contains("one file") == true)
    for columns in [0, -1, 20_000] {
      #expect(refusal { try SamplePictures(grid: grid, columns: columns).check(job()) }?.failure == .usage)
    }
    #expect(refusal { try SamplePictures(grid: grid).check(job(100_000)) }?.description.contains("too many") == true)
  }

  @Test func denoisingSheetHasARowPerImageAndAColumnPerStep() throws {
    var pictures = SamplePictures(grid: try folder.file("grid.png"))
    pictures.denoising = try folder.file("denoising.png")
    let job = try SamplingJob(request(14) { pictures.trace(&$0) }, model: model)
    try pictures.check(job)
    _ = try job.finish()
    #expect(try pictures.write(job).count == 2)
    // Twelve rows; the start and four steps; cells of 8 pixels, magnified seven times; row titles of one digit and a space.
    let sheet = try Image(file: pictures.denoising!)
    #expect(sheet.height == 2 + 10 + 12 * 58 && sheet.width == 2 + (5 + 4) + 5 * 58)
    let corner = (row: 12, column: 11)
    for (column, moment) in [0, 2, 4].map({ ($0, job.frames[$0]) }) {
      let cell = sheet.cropped(row: corner.row + 58, column: corner.column + column * 58, width: 56, height: 56)
      #expect(cell == moment[1].magnified(by: 7))
    }
  }

  @Test func animationShowsTheRequestedSteps() throws {
    var pictures = SamplePictures(grid: try folder.file("grid.png"), animation: try folder.file("steps.webp"))
    pictures.timing.frames = .only([0, 3])
    (pictures.timing.delay, pictures.timing.hold) = (50, 700)
    let job = try SamplingJob(request(2) { pictures.trace(&$0) }, model: model)
    _ = try job.finish()
    _ = try pictures.write(job)
    #expect(job.plan.tracedMoments == [0, 3, 4])
    #expect(try Animation(file: pictures.animation!).delays == [50, 50, 700])
    pictures.timing.frames = .only([5])
    #expect(refusal { try SamplingJob(request(2) { pictures.trace(&$0) }, model: model) }?.description.contains("no step 5") == true)
    pictures.timing.hold = 0
    #expect(refusal { try pictures.check(job) }?.failure == .usage)
  }

  @Test func estimateReplacesTheNoisyImage() throws {
    func frames(_ traced: SamplingRequest.TraceContent) throws -> [[Image]] {
      let job = try SamplingJob(
        request(2) {
          $0.tracedCount = 2
          $0.traced = traced
        }, model: model)
      _ = try job.finish()
      return job.frames
    }
    let noisy = try frames(.image), clean = try frames(.estimate)
    // At the start there is no estimate, at the end it is the image.
    #expect(noisy[0] == clean[0] && noisy[4] == clean[4])
    #expect(noisy[1] != clean[1])
  }

  @Test func captionsShowClassNumberAndScore() throws {
    func sheet(_ captions: [SamplePictures.Caption], candidates: Int = 1) throws -> Image {
      var pictures = SamplePictures(grid: try folder.file("grid.png"), columns: 2)
      pictures.captions = captions
      let job = try SamplingJob(request(4) { $0.candidates = candidates }, model: model)
      try pictures.check(job)
      _ = try job.finish()
      _ = try pictures.write(job)
      return try Image(file: pictures.grid)
    }
    let plain = try sheet([]), captioned = try sheet([.class, .number])
    #expect(captioned.height == plain.height + 2 * 11 && captioned.width == plain.width)
    #expect(try sheet([.score], candidates: 2).height == captioned.height)
    #expect(refusal { try sheet([.score]) }?.description.contains("--best-of 2") == true)
  }

  @Test func pictureRecordsHowItWasSampled() throws {
    var pictures = SamplePictures(grid: try folder.file("grid.png"))
    let job = try SamplingJob(request(3) { $0.seed = 77 }, model: model)
    _ = try job.finish()
    pictures.notes = try job.notes(command: ["sfumato", "sample", "my model", "--seed", "77"])
    _ = try pictures.write(job)
    let found = try #require(try PictureInspection(of: pictures.grid))
    #expect(found.command == "sfumato sample 'my model' --seed 77")
    let record = try #require(found.notes.first { $0.key == "sfumato.sample" }?.text)
    for part in [
      #""seed":77"#, #""count":3"#, #""type":"dpmpp_2m""#, #""steps":4"#, #""classes":["0","1","2"]"#, #""exact_convolutions":false"#,
      #""threads":"#,
    ] {
      #expect(record.contains(part), "\(record)")
    }
    #expect(try PictureInspection(of: folder.write("", to: "model.safetensors")) == nil)
    #expect(throws: ImagingError.self) { try PictureInspection(of: folder.write("words", to: "words.png")) }
  }
}

@Suite("Frame schedules") struct FrameScheduleTests {
  @Test func selectStepsBetweenStartAndEnd() throws {
    #expect(try FrameSchedule.all.moments(of: 3) == [0, 1, 2, 3])
    #expect(try FrameSchedule.evenly(3).moments(of: 20) == [0, 10, 20])
    #expect(try FrameSchedule.evenly(4).moments(of: 20) == [0, 7, 13, 20])
    #expect(try FrameSchedule.evenly(9).moments(of: 4) == [0, 1, 2, 3, 4])
    #expect(try FrameSchedule.only([7, 0, 7]).moments(of: 9) == [0, 7, 9])
    #expect(refusal { try FrameSchedule.only([10]).moments(of: 9) }?.failure == .usage)
    #expect(refusal { try FrameSchedule.evenly(1).moments(of: 9) }?.failure == .usage)
  }

  @Test(arguments: [("all", FrameSchedule.all), ("12", .evenly(12)), ("0,5,10", .only([0, 5, 10]))])
  func areParsedFromText(text: String, schedule: FrameSchedule) {
    #expect(FrameSchedule(text) == schedule)
    #expect(schedule.description == text)
  }

  @Test(arguments: ["", "1", "some", "1,", "-3", "0,-1", "2,x"]) func otherTextIsRefused(text: String) {
    #expect(FrameSchedule(text) == nil)
  }
}

@Suite("One file per image") struct ImagePatternTests {
  @Test func folderGetsNumbersAndPatternGetsFields() throws {
    #expect(try ImagePattern("out").path(7, of: 100, className: "cat", seed: 3) == "out/07.png")
    #expect(try ImagePattern("o/{class}-{index}-{seed}.jpg").path(0, of: 1, className: "a/b", seed: 3) == "o/a_b-0-3.jpg")
  }

  /// A class name is whatever a model's file says.
  @Test(arguments: [
    ("..", "o/_..-7.png"), (".", "o/_.-7.png"), ("../../x", "o/_.._.._x-7.png"), ("{index}", "o/{index}-7.png"),
    ("{seed}{class}", "o/{seed}{class}-7.png"), ("a\u{1B}[2Jb\nc\0", "o/a_[2Jb_c_-7.png"), ("", "o/none-7.png"),
    (String(repeating: "é", count: 300), "o/\(String(repeating: "é", count: 75))-7.png"),
  ]) func aClassNameLeadsNowhere(name: String, file: String) throws {
    #expect(try ImagePattern("o/{class}-{index}.png").path(7, of: 8, className: name, seed: 3) == file)
  }

  @Test(arguments: [
    ("", "is empty"), ("{class}.png", "expected {index}"), ("{index}{size}.png", "unknown field {size}"), ("{index}.bmp", ".bmp"),
  ])
  func invalidPatternIsRefused(text: String, words: String) {
    let error = refusal { try ImagePattern(text) }
    #expect(error?.failure == .usage && error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test func eachImageIsWritten() throws {
    let folder = try ScratchFolder()
    let job = try SamplingJob(request(3), model: Tiny.model())
    _ = try job.finish()
    var pictures = SamplePictures(grid: "\(folder.path)/grid.png")
    pictures.single = try ImagePattern("\(folder.path)/new/{class}-{index}.png")
    try pictures.check(job)
    #expect(try pictures.write(job).last == "\(folder.path)/new/{class}-{index}.png")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/new").sorted() == ["0-0.png", "1-1.png", "2-2.png"])
    #expect(try Image(file: "\(folder.path)/new/1-1.png") == job.images[1])
  }
}
