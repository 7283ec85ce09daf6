import Foundation
import Testing

@Suite("sfumato restore") struct RestoreCommandTests {
  let shop: Workshop
  /// The smallest restoring network, on copies of one picture.
  static let recipe = """
    data: { type: folder, path: pictures, class_from: none }
    images: { size: 8, channels: 3 }
    corruptions: { fixed: [gaussian_blur, jpeg], reduction: {} }
    network: { type: restoration_unet, model_channels: 8, channel_mult: [1] }
    process:
      { schedule: { type: cosine, steps: 100 }, rescale_betas_zero_snr: true, parameterization: v_scaled_input, residual_scale: 0.063 }
    sampling: { steps: 1 }
    training: { batch_size: 4, duration: 4, log_every: 8, preview_every: 100000, checkpoint_every: 100000 }

    """

  init() throws {
    shop = try Workshop()
    try FileManager.default.createDirectory(atPath: "\(shop.path)/pictures", withIntermediateDirectories: true)
    for index in 0..<12 { try shop.write([UInt8](UpscaleCommandTests.picture), to: "pictures/\(index).png") }
    try shop.write([UInt8](UpscaleCommandTests.picture), to: "a.png")
    try shop.write(Self.recipe, to: "restore.yaml")
    let run = try shop.run("train", "restore.yaml", "--run", "run", "--quiet")
    try #require(run.status == 0, "\(run.errors)")
  }

  private func restore(_ words: String...) throws -> Program.Run {
    try Program.run(["restore"] + words + ["--model", "run", "--evaluations", "1"], in: shop.path)
  }

  private func size(_ name: String) throws -> [Int] {
    let header = [UInt8](try shop.contents(name).prefix(24))
    return [16, 20].map { at in header[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
  }

  @Test func printsTheFilesThatItWroteAndSkipsThemTheNextTime() throws {
    let run = try restore("a.png", "-o", "b.png", "--scale", "3")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "b.png\n" && run.errors.contains("restoring: 100%") && run.errors.contains("1 picture restored in "))
    #expect(try size("b.png") == [15, 9])
    let again = try restore("a.png", "-o", "b.png", "--scale", "3", "--json", "--quiet")
    let picture = try #require((again.json()["pictures"] as? [[String: Any]])?.first)
    #expect(picture["skipped"] as? Bool == true && again.errors.isEmpty)
    let other = try restore("a.png", "-o", "b.png", "--scale", "3", "--seed", "7")
    #expect(other.status == 64 && other.errors.contains("set --overwrite"))
    #expect(try restore("a.png", "-o", "b.png", "--scale", "3", "--seed", "7", "--overwrite").output == "b.png\n")
  }

  @Test func thePlanSaysWhatTheWorkTakesAndDoesNothing() throws {
    let run = try restore("pictures", "a.png", "-o", "out", "--scale", "2", "--plan", "--corruption", "jpeg=.25")
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.output.contains("out/a.png: 5 x 3 to 10 x 6, 1 tile of 1 evaluation, memory ") && run.output.contains("jpeg 0.25, reduction 1"))
    #expect(run.output.contains("13 pictures, ") && run.output.contains(" for results, about "))
    let json = try restore("a.png", "-o", "b.png", "--plan", "--json").json()
    let picture = try #require((json["pictures"] as? [[String: Any]])?.first)
    #expect(picture["scratch_bytes"] is Int && picture["seconds"] is Double && picture["result_width"] as? Int == 5)
    #expect(!shop.exists("out") && !shop.exists("b.png"))
  }

  @Test func anUnreadablePictureIs65AndTheOthersAreRestored() throws {
    try FileManager.default.createDirectory(atPath: "\(shop.path)/in/deep", withIntermediateDirectories: true)
    try shop.write([UInt8](UpscaleCommandTests.picture), to: "in/deep/z.png")
    try shop.write("nothing", to: "in/b.png")
    try shop.write("notes", to: "in/c.txt")
    let run = try restore("in", "-o", "out", "--recursive", "--name", "{stem}-new.{ext}", "--report", "report.html")
    #expect(run.status == 65 && run.output == "out/deep/z-new.png\nreport.html\n")
    #expect(run.errors.contains("error: in/b.png: is plain text: 'nothing'") && run.errors.contains("; 1 failed; 1 left out"))
    #expect(try shop.text("report.html").contains("<h2>out/deep/z-new.png</h2>"))
  }

  @Test func aSweepIsASheetOfOnePicture() throws {
    let run = try restore("a.png", "--sweep", "sheet.png")
    #expect(run.status == 0 && run.output == "sheet.png\n", "\(run.errors)")
    #expect(try size("sheet.png")[0] > 25)
  }

  @Test func aStoppedRestorationLeavesNothingHalfWrittenAndContinues() throws {
    for (source, target, scale) in [("a.png", "b.png", "16"), ("b.png", "c.png", "16")] {
      #expect(try restore(source, "-o", target, "--scale", scale, "--quiet").status == 0)
    }
    let words = ["restore", "c.png", "-o", "d.png", "--model", "run", "--evaluations", "1"]
    let process = try Program.start([Program.path] + words, in: shop.path)
    func unfinished() -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: shop.path)) ?? []).filter { $0.hasPrefix(".sfumato-restore-") }
    }
    while unfinished().isEmpty, process.isRunning { usleep(2000) }
    process.terminate()
    #expect(try Program.finish(process).status == 143)
    #expect(!shop.exists("d.png") && unfinished().count == 1)
    #expect(try Program.run(words, in: shop.path).output == "d.png\n" && unfinished().isEmpty)
    #expect(try restore("c.png", "-o", "e.png").status == 0)
    #expect(try shop.contents("d.png") == shop.contents("e.png"))
  }

  @Test func refusesABadRequestBeforeItStarts() throws {
    let cases: [([String], Int32, String)] = [
      (["a.png"], 64, "--output"), (["-o", "x.png"], 64, "picture|folder"), (["a.png", "-o", "x.gif"], 64, "cannot be written as '.gif'"),
      (["a.png", "-o", "a.png"], 64, "would be overwritten"), (["a.png", "-o", "x.png", "--scale", "0.5"], 64, "scale must be from 1"),
      (["a.png", "-o", "x.png", "--corruption", "rain=.5"], 64, "knows no corruption 'rain'"),
      (["a.png", "-o", "x.png", "--corruption", "jpeg"], 64, "'jpeg' is no corruption"),
      (["a.png", "-o", "x.png", "--color", "green"], 64, "--color"), (["a.png", "-o", "x.png", "--profile", "p3"], 64, "--profile"),
      (["a.png", "-o", "x.png", "--report", "x.txt"], 64, "unknown kind of report"),
      (["a.png", "-o", "x.png", "--sweep", "s.png"], 64, "leave out --output"),
      (["a.png", "b.png", "--sweep", "s.png"], 64, "one picture"),
      (["none.png", "-o", "x.png"], 66, "no picture or folder 'none.png'"), (["a.png", "-o", "nowhere/x.png"], 74, "no folder nowhere"),
      (["a.png", "-o", "x.png", "--mask", "a.png"], 64, "add --prior MODEL"),
      (["a.png", "-o", "x.png", "--prior", "digits"], 64, "--model is for models that were trained to restore"),
      (["a.png", "-o", "x.png", "--model", "none"], 66, "no model 'none'"),
      (["a.png", "-o", "x.png", "--model", "tiny.yaml"], 65, "tiny.yaml"),
    ]
    for (arguments, status, words) in cases {
      let model = arguments.contains("--model") ? [] : ["--model", "run"]
      let run = try Program.run(["restore"] + arguments + model, in: shop.path)
      #expect(run.status == status, "\(arguments): \(run.errors)")
      #expect(run.errors.lowercased().contains("error: ") && run.errors.contains(words), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty && !shop.exists("x.png"))
    }
  }
}
