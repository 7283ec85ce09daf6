import Failures
import Foundation
import Imaging
import Models
import RecipeKit
import Testing

@testable import Workflows

@Suite("Plans of restorations") struct RestorationPlanTests {
  let shop: RestorationShop

  init() throws {
    shop = try RestorationShop()
    for name in ["in/a.png", "in/deep/er/b.jpg", "in/deep/c.tif", "in/.hidden/d.png"] {
      _ = try shop.put(RestorationShop.picture(4, 4), at: name)
    }
    _ = try shop.folder.write("notes", to: "in/deep/notes.txt")
  }

  private func plan(_ sources: [String], _ output: String, _ change: (inout RestorationRequest) throws -> Void = { _ in }) throws
    -> RestorationPlan
  {
    var request = try RestorationRequest(output: "\(shop.path)/\(output)")
    try change(&request)
    return try RestorationPlan(sources.map { "\(shop.path)/\($0)" }, request)
  }

  private func targets(_ plan: RestorationPlan) -> [String] { plan.items.map { String($0.target.dropFirst(shop.path.count + 1)) } }

  @Test func foldersAreMirroredWithRecursiveAlone() throws {
    #expect(try targets(plan(["in"], "out")) == ["out/a.png"])
    let whole = try plan(["in"], "out") { $0.recursive = true }
    #expect(targets(whole) == ["out/a.png", "out/deep/c.tif", "out/deep/er/b.jpg"] && whole.leftOut == 1)
    // Results of an earlier run are no sources, and links are not followed.
    _ = try shop.put(RestorationShop.picture(4, 4), at: "in/out/z.png")
    try FileManager.default.createSymbolicLink(atPath: "\(shop.path)/in/link", withDestinationPath: "\(shop.path)/in/deep")
    #expect(try targets(plan(["in"], "in/out") { $0.recursive = true }) == ["in/out/a.png", "in/out/deep/c.tif", "in/out/deep/er/b.jpg"])
  }

  @Test func namesFollowThePatternAndTheFormat() throws {
    let named = try plan(["in"], "out") { ($0.recursive, $0.name, $0.scale) = (true, "{stem}-{scale}x.{ext}", 1.5) }
    #expect(targets(named) == ["out/a-1.5x.png", "out/deep/c-1.5x.tif", "out/deep/er/b-1.5x.jpg"])
    let format = try plan(["in"], "out") { ($0.recursive, $0.format) = (true, "webp") }
    #expect(targets(format) == ["out/a.webp", "out/deep/c.webp", "out/deep/er/b.webp"])
    _ = try shop.put(RestorationShop.picture(4, 4), at: "in/a.gif")
    #expect(try targets(plan(["in"], "out")) == ["out/a.gif.png", "out/a.png"])
    #expect(try targets(plan(["in"], "out") { $0.name = "x-{stem}.{ext}" }) == ["out/x-a.gif.png", "out/x-a.png"])
  }

  @Test func requestsThatMakeNoSenseAreRefused() throws {
    let cases: [([String], String, (inout RestorationRequest) throws -> Void, String)] = [
      (["in"], "out", { $0.name = "{name}.png" }, "unknown field"),
      (["in"], "out", { $0.name = "a/{stem}.png" }, "not the name of a file"),
      (["in/a.png", "in/deep/c.tif"], "out", { $0.name = "same.png" }, "would both become"),
      (["in"], "out", { ($0.name, $0.format) = ("{stem}.png", "jpg") }, "name different endings"),
      (["in"], "out", { $0.format = "gif" }, "unknown format 'gif'"), (["in"], "out", { $0.scale = 0.5 }, "scale must be from 1 to 16"),
      (["in"], "out", { $0.scale = .nan }, "scale must be from 1 to 16"), (["in"], "out", { $0.quality = 0 }, "quality must be from 1"),
      (["in"], "in", { _ in }, "would be overwritten"), (["in/a.png"], "a.gif", { _ in }, "cannot be written as '.gif'"),
      (["in/a.png"], "a.jpg", { $0.format = "png" }, "are for a folder"),
      (["in/a.png"], "a.jpg", { $0.name = "{stem}-x.{ext}" }, "are for a folder"),
      (["in"], "out", { $0.quality = 80 }, "a quality is for JPEG and WebP"),
    ]
    for (sources, output, change, words) in cases {
      let problem = refusal { try plan(sources, output, change) }
      #expect(problem?.failure == .usage && problem?.description.contains(words) == true, "\(words): \(problem?.description ?? "nothing")")
    }
    #expect(refusal { try plan(["none.png"], "x.png") }?.failure == .missing)
    #expect(refusal { try plan(["in/a.png"], "nowhere/x.png") }?.failure == .io)
    #expect(!shop.names().contains("out"))
  }

  // MARK: Forecasts

  @Test func theForecastCountsSizesTilesAndStrengths() throws {
    let source = try shop.put(RestorationShop.picture(300, 100), at: "large.jpg")
    var settings = RestorationShop.settings
    (settings.tile, settings.overlap) = (128, 32)
    let job = try shop.job([source], to: "x.png", settings: settings) { $0.scale = 2 }
    let picture = try #require(job.forecast.pictures.first)
    #expect(picture.resultWidth == 600 && picture.resultHeight == 200 && picture.evaluations == 1)
    // (600 − 32) / 96 and (200 − 32) / 96, rounded up.
    #expect(picture.tiles == 6 * 2)
    #expect(picture.resultBytes == 600 * 200 * 3 && picture.scratchBytes > 600 * 200 * 3 && picture.seconds == nil)
    #expect(picture.strengths["reduction"] == 1 && abs((picture.strengths["jpeg"] ?? 0) - (1 - 75.0 / 85)) < 1e-9)
    try job.measure()
    #expect(try #require(job.forecast.pictures[0].seconds) > 0)
    #expect(!shop.names().contains("x.png"))
  }

  @Test func passesGrowByTwoAndEndInTheSize() {
    #expect(RestorationPasses(width: 5, height: 3, scale: 1, factor: 1).passes == [.init(width: 5, height: 3, reduction: 0)])
    let three = RestorationPasses(width: 10, height: 7, scale: 3, factor: 1)
    #expect(three.passes == [.init(width: 20, height: 14, reduction: 1), .init(width: 40, height: 28, reduction: 1)])
    #expect((three.width, three.height) == (30, 21))
    #expect(RestorationPasses(width: 9, height: 9, scale: 8, factor: 1).passes.count == 3)
    // A network that enlarges by 4 reads the picture as it is.
    let four = RestorationPasses(width: 10, height: 7, scale: 5, factor: 4)
    #expect(four.passes == [.init(width: 10, height: 7, reduction: 0), .init(width: 40, height: 28, reduction: 0)])
    #expect(four.size(after: four.passes[1]) == (160, 112) && four.width == 50)
  }

  @Test func onlyTheFirstPassIsToldHowBadThePictureIs() {
    let names = ["jpeg", "reduction"], twice = RestorationPasses(width: 10, height: 7, scale: 3, factor: 1)
    #expect(twice.strengths([0.4, 0], names: names, pass: 0) == [0.4, 1] && twice.strengths([0.4, 0], names: names, pass: 1) == [0, 1])
    let same = RestorationPasses(width: 10, height: 7, scale: 1, factor: 1)
    #expect(
      same.strengths([0.4, 0.5], names: names, pass: 0) == [0.4, 0.5] && same.strengths([0.4, 0], names: names, pass: 0) == [0.4, 0])
  }

  // MARK: Strengths

  @Test func theModelSaysWhatItsStrengthsMean() throws {
    var scales = StrengthScales()
    scales.jpegQualities = [90, 10]
    let names = ["jpeg", "reduction"]
    func strength(_ quality: Int) throws -> Double {
      try StrengthChoice(StrengthRequest("auto"), names: names, scales: scales, scale: 1).strengths(jpegQuality: quality)[0]
    }
    #expect(try [95, 90, 50, 10, 5].map(strength) == [0, 0, 0.5, 1, 1])
    scales.jpegQualities = [30, 30]
    #expect(try [31, 30, 29].map(strength) == [0, 1, 1])
    let passes = RestorationPasses(width: 10, height: 10, scale: 3, factor: 1, reduction: 4)
    #expect(passes.passes == [.init(width: 30, height: 30, reduction: 2.0 / 3)])
    for qualities in [[100], [15, 100], [101, 5], [50, 0]] {
      scales.jpegQualities = qualities
      #expect(throws: RecipeError.self) { try scales.validate() }
    }
  }

  @Test func strengthsAreNamedInFullOrByAWord() throws {
    let names = ["gaussian_blur", "noise", "jpeg", "reduction"]
    func strengths(_ text: String, scale: Double = 1, quality: Int? = nil) throws -> [Double] {
      try StrengthChoice(StrengthRequest(text), names: names, scale: scale).strengths(jpegQuality: quality)
    }
    #expect(try strengths("blur=.5,jpeg=0.25") == [0.5, 0, 0.25, 0])
    #expect(try strengths("jpeg=.25", quality: 15) == [0, 0, 0.25, 0])
    #expect(try strengths("auto", quality: 15) == [0, 0, 1, 0] && strengths("auto", quality: 100) == [0, 0, 0, 0])
    #expect(try strengths("auto", quality: 5) == [0, 0, 1, 0] && strengths("auto") == [0, 0, 0, 0])
    #expect(try strengths("auto,noise=1,reduction=.5", quality: 15) == [0, 1, 1, 0.5])
    for (text, words) in [
      ("jpeg", "no corruption"), ("jpeg=2", "from 0 to 1"), ("jpeg=x", "no corruption"), ("", "no corruption"),
      ("jpeg=.1,jpeg=.2", "twice"),
      ("blur=.1,gaussian_blur=.2", "twice"), ("nois=.1", "did you mean 'noise'"), ("rain=.1", "knows no corruption"),
    ] {
      let problem = refusal { try strengths(text) }
      #expect(problem?.failure == .usage && problem?.description.contains(words) == true, "\(text): \(problem?.description ?? "nothing")")
    }
    #expect(refusal { try strengths("reduction=.5", scale: 2) }?.description.contains("follows from the scale") == true)
    #expect(
      refusal { try StrengthChoice(StrengthRequest("blur=1"), names: ["gaussian_blur", "motion_blur"], scale: 1) }?.description
        .contains("gaussian_blur or motion_blur") == true)
  }

  @Test func aModelThatDoesNotEnlargeRefusesAScale() throws {
    let repairing = try RestorationShop(set: ["corruption_names=[jpeg]"])
    let source = try repairing.put(RestorationShop.picture(4, 4), at: "a.png")
    #expect(refusal { try repairing.job([source], to: "b.png") { $0.scale = 2 } }?.description.contains("not trained to enlarge") == true)
    #expect(try repairing.run([source], to: "b.png").written.count == 1)
  }
}
