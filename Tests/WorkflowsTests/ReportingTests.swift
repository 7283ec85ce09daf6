import Foundation
import Imaging
import Testing
import Training

@testable import Workflows

@Suite("Plots") struct PlotTests {
  private func points(_ count: Int, _ y: (Double) -> Double = { $0 + 1 }) -> [(x: Double, y: Double)] {
    (0..<count).map { (Double(100 * $0), y(Double($0))) }
  }

  private func wellFormed(_ svg: String) -> Bool { XMLCheck.isWellFormed(svg) }

  @Test func areWellFormedAndShowEveryCurve() {
    let plot = Plot(
      "Loss", isLogarithmic: true, [Plot.Series(name: "training", points: points(50)), Plot.Series(name: "held out", points: points(5))])
    let svg = plot.svg()
    #expect(wellFormed(svg))
    #expect(svg.components(separatedBy: "<polyline").count == 3)
    #expect(svg.contains("prefers-color-scheme:dark") && !svg.contains("<script"))
    // Each of the 50 places can be pointed at, and shows both values.
    #expect(svg.components(separatedBy: "class=\"at\"").count == 51)
    #expect(svg.contains("400 images · training 5 · held out 5"))
  }

  @Test func areBoundedHoweverLongTheCurve() {
    let svg = Plot("Loss", [Plot.Series(name: "a", points: points(100_000)), Plot.Series(name: "b", points: points(77_777))]).svg()
    #expect(svg.utf8.count < 150_000)
    #expect(svg.contains("10M images · a 100k"), "the last point is shown")
  }

  @Test func haveNothingToShowWithoutNumbers() {
    let strange: [(x: Double, y: Double)] = [(0, .nan), (1, .infinity), (.nan, 3)]
    #expect(Plot("Loss", [Plot.Series(name: "a", points: strange)]).isEmpty)
    let zero = Plot("Loss", isLogarithmic: true, [Plot.Series(name: "a", points: [(0, 0), (1, -1)])]).svg()
    #expect(wellFormed(zero) && !zero.contains("nan") && !zero.contains("inf"))
    let one = Plot("Loss", [Plot.Series(name: "a", points: [(5, 0)])]).svg()
    #expect(wellFormed(one) && !one.contains("nan"))
  }

  @Test func escapeTheirWords() {
    let svg = Plot("<script>&", horizontal: "\"x'", [Plot.Series(name: "</text><b>", points: points(3))]).svg()
    #expect(wellFormed(svg) && !svg.contains("<script>") && !svg.contains("<b>"))
  }

  @Test func aPictureOfAPlotHasItsCurvesWhereTheSVGHasThem() throws {
    let plot = Plot("Loss", [Plot.Series(name: "a", points: [(0, 0), (10, 5)]), Plot.Series(name: "b", points: [(0, 5), (10, 5)])])
    let image = PlotRaster(plot).draw(), (x, y) = plot.axes
    #expect((image.width, image.height) == (1280, 520))
    func color(_ point: (x: Double, y: Double)) -> [UInt8] {
      let place = plot.place(point, x, y)
      return (0..<3).map { image[Int(2 * place.y), Int(2 * place.x), $0] }
    }
    #expect(color((0, 0)) == [9, 105, 218] && color((5, 5)) == [188, 76, 0] && color((5, 1.2)) == [255, 255, 255])
    // Nothing to show, and what an axis cannot.
    #expect(PlotRaster(Plot("Loss", isLogarithmic: true, [Plot.Series(name: "a", points: [(0, 0), (1, -1)])])).draw().width == 1280)
  }

  @Test func ticksAreRoundNumbersWithinTheRange() {
    #expect(PlotAxis([0, 10]).ticks().map(PlotAxis.label) == ["0", "2", "4", "6", "8", "10"])
    #expect(PlotAxis([0.011, 0.9], isLogarithmic: true).ticks().map(PlotAxis.label) == ["0.03", "0.1", "0.3"])
    #expect(PlotAxis([1e-8, 1e8], isLogarithmic: true).ticks().count < 12)
    #expect([20_000, 1_500_000, 0.0312, 2e-5, 1234].map(PlotAxis.label) == ["20k", "1.5M", "0.0312", "2e-05", "1234"])
  }

  @Test func inCharactersGoFromTheUpperLeftToTheLowerRight() {
    let lines = CharacterPlot(columns: 8, rows: 2, isLogarithmic: false).lines([(0, 8), (1, 1)])
    #expect(lines.count == 2 && lines[0].hasPrefix("8 │") && lines[1].hasPrefix("1 │"))
    let (top, bottom) = (Array(lines[0].unicodeScalars.suffix(8)), Array(lines[1].unicodeScalars.suffix(8)))
    #expect(top[0].value > 0x2800 && top[7].value == 0x2800 && bottom[0].value == 0x2800 && bottom[7].value > 0x2800)
    #expect(CharacterPlot().lines([]).isEmpty && CharacterPlot().lines([(0, .nan)]).isEmpty)
    #expect(CharacterPlot(columns: 10, rows: 3).lines([(0, 1)]).count == 3)
  }
}

/// Tags that open and close in order, and entities that are known: what a strict reader asks of SVG.
enum XMLCheck {
  static func isWellFormed(_ text: String) -> Bool {
    var open: [Substring] = [], rest = text[...]
    let void: Set<Substring> = ["meta", "link", "img", "br"]
    while let start = rest.firstIndex(of: "<") {
      guard isText(rest[..<start]), let end = rest[start...].firstIndex(of: ">") else { return false }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("!") { continue }
      let name = tag.drop { $0 == "/" }.prefix { !$0.isWhitespace && $0 != "/" }
      if tag.hasPrefix("/") {
        guard open.popLast() == name else { return false }
      } else if !tag.hasSuffix("/"), !void.contains(name) {
        open.append(name)
      }
    }
    return open.isEmpty && isText(rest)
  }

  private static func isText(_ text: Substring) -> Bool {
    !text.contains(">") || text.contains("{")
      ? text.components(separatedBy: "&").dropFirst().allSatisfy { part in
        ["amp;", "lt;", "gt;", "quot;", "#39;"].contains { part.hasPrefix($0) }
      } : false
  }
}

@Suite("Reports and watching") struct ReportTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Tiny.recipe, to: "tiny.yaml")
  }

  private func train(_ name: String = "run", _ set: [String] = []) throws -> TrainingJob {
    let job = try TrainingJob(
      recipe: recipe,
      set: ["training.preview_every=8", "training.log_every=4", "sampling.steps=2", "loading.validation=0.1"] + set,
      folder: "\(folder.path)/\(name)")
    while try job.next() != nil {}
    #expect(job.warnings.isEmpty && job.previewProblem == nil, "\(job.warnings) \(job.previewProblem ?? "")")
    return job
  }

  private func report(_ job: TrainingJob) throws -> String { try String(contentsOfFile: "\(job.folder.path)/report.html", encoding: .utf8) }

  @Test func aRunEndsWithAReportOfAllThatIsKnown() throws {
    let job = try train()
    let html = try report(job)
    #expect(XMLCheck.isWellFormed(html.replacing("<!doctype html>", with: "")))
    for words in ["Loss by noise", "held out", "Learning rate", "Norm of the gradient", "Norm of the parameters", "Images per second"] {
      #expect(html.contains(words), "\(words)")
    }
    #expect(html.components(separatedBy: "data:image/png;base64,").count == 4, "previews after 8, 16 and 24 images")
    #expect(html.contains("batch_size: 4") && html.contains("100% of 24") && html.contains("adm_unet"))
    #expect(html.contains("prefers-color-scheme:dark") && !html.contains("<script"))
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] { #expect(!html.contains(outside)) }
  }

  @Test func textFromFilesIsEscaped() throws {
    let hostile = "<script>alert('x')</script>&\"\u{1B}\u{0}"
    let job = try train("run <b>&amp;")
    try Data("{\"step\":1,\"images\":4,\"rollback\":1,\"diverged_at_step\":2,\"learning_rate\":1}\nnot json\n{\"step\":\n".utf8).write(
      to: URL(fileURLWithPath: job.folder.logPath))
    try Data("note: \(hostile)\n".utf8).write(to: URL(fileURLWithPath: job.folder.recipePath))
    var report = TrainingReport(job)
    report.warnings = [hostile]
    report.data = [(hostile, hostile)]
    let html = report.html()
    #expect(XMLCheck.isWellFormed(html.replacing("<!doctype html>", with: "")))
    #expect(!html.contains("<script") && !html.contains("<b>") && !html.contains("\u{1B}"))
    #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)") && html.contains("diverged at step 2"))
  }

  @Test func aReportStaysSmallHoweverLongTheRun() throws {
    let job = try train()
    let line = try #require(try String(contentsOfFile: job.folder.logPath, encoding: .utf8).split(separator: "\n").first)
    try Data(String(repeating: line + "\n", count: 60_000).utf8).write(to: URL(fileURLWithPath: job.folder.logPath))
    // 100 previews of 200 KB.
    for number in 1...100 { try Data(count: 200_000).write(to: URL(fileURLWithPath: job.folder.previewPath(images: 1000 * number))) }
    let html = TrainingReport(job).html()
    #expect(html.utf8.count < 12 << 20)
    #expect(html.contains("16 of 103 previews.") && html.contains("100000 images"))
  }

  @Test func aPreviewShowsWeightsAndTheirAverageSideBySide() throws {
    let job = try train("run", ["training.preview_every=1000", "training.learning_rate=0.05"])
    let picture = try #require(TrainingPreview(job)).draw()
    // Two grids of 20 pictures in 10 columns, 64 pixels each, with titles above.
    #expect(picture.width > 2 * 640 && picture.height > 2 * 64 && picture.width > 4 * picture.height)
    // The pictures begin 8 pixels from the left and after half of the rest, below the titles.
    let pitch = (picture.width - 8) / 2
    func grid(at left: Int) -> [UInt8] {
      (30..<picture.height).flatMap { row in (left..<left + pitch - 8).map { picture[row, $0, 0] } }
    }
    #expect(grid(at: 8) != grid(at: 8 + pitch))
  }

  @Test func eventFilesGoWithTheLogAndThePreviews() throws {
    let job = try train()
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(job.folder.path)/tensorboard")
    #expect(names.count == 1)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(job.folder.path)/tensorboard/\(names[0])"))
    for words in ["loss/training", "loss_by_noise/held_out_q3", "parameters/norm", "preview", "recipe/text_summary"] {
      #expect(bytes.range(of: Data(words.utf8)) != nil, "\(words)")
    }
    let without = try train("without", ["training.tensorboard=false"])
    #expect(!FileManager.default.fileExists(atPath: "\(without.folder.path)/tensorboard"))
  }

  @Test func whatCannotBeWrittenNeverStopsATraining() throws {
    // A file is where the folder of event files should be, and a folder where the report should be.
    let path = "\(folder.path)/run"
    try FileManager.default.createDirectory(atPath: "\(path)/report.html/x", withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: "\(path)/tensorboard"))
    let job = try TrainingJob(recipe: recipe, folder: path)
    while try job.next() != nil {}
    #expect(job.position.step == 6)
    #expect(job.warnings.contains { $0.hasPrefix("event files for TensorBoard end here: ") }, "\(job.warnings)")
    #expect(job.warnings.contains { $0.hasPrefix("the report was not written: ") }, "\(job.warnings)")
  }

  // MARK: Watching

  @Test func aRunIsWatchedByItsFilesAlone() throws {
    let job = try train()
    let copy = "\(folder.path)/copy"
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for name in ["recipe.yaml", "log.jsonl", "previews"] {
      try FileManager.default.copyItem(atPath: "\(job.folder.path)/\(name)", toPath: "\(copy)/\(name)")
    }
    let status = try RunWatch(copy).status
    #expect(status.state == .finished && status.step == 6 && status.images == 24 && status.progress == 1 && status.secondsLeft == 0)
    #expect(status.lastPreview == "\(copy)/previews/000000024.png" && status.lastCheckpoint == nil)
    #expect(status.validationLoss != nil && status.loss != nil && status.warnings == [])
    #expect(try RunWatch(copy).curve(columns: 20, rows: 4).count == 4)
    #expect(throws: (any Error).self) { try RunWatch("\(folder.path)/nowhere") }
  }

  @Test func theTimeLeftIsThatOfTheLastLines() throws {
    let job = try train()
    func line(_ step: Int, _ progress: Double, _ seconds: Double) -> String {
      "{\"step\":\(step),\"images\":\(4 * step),\"loss\":0.5,\"learning_rate\":1e-4,\"images_per_second\":3,\"seconds\":\(seconds),"
        + "\"skipped_steps\":0,\"progress\":\(progress)}\n"
    }
    // Two tenths in 100 seconds, after a slow beginning; half of it is left.
    let log = RunLog(text: line(1, 0.3, 900) + line(2, 0.4, 950) + line(3, 0.5, 1000) + "{\"step\":4,\"ima")
    let status = RunWatch(job.folder, log, age: 3).status
    #expect(status.state == .training && abs(status.secondsLeft! - 250) < 1e-6)
    #expect(RunWatch(job.folder, log, age: 1e5).status.state == .silent)
    #expect(RunWatch(job.folder, RunLog(), age: nil).status.state == .starting)
    // Version 0.1.0 logged no progress.
    let old = RunLog(text: line(1, 0.3, 900).replacing(",\"progress\":0.3", with: ""))
    #expect(old.lines.count == 1 && RunWatch(job.folder, old, age: 3).status.secondsLeft == nil)
  }
}
