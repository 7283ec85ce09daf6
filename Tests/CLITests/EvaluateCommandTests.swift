import Foundation
import Testing

@Suite("sfumato evaluate") struct EvaluateCommandTests {
  let shop: Workshop

  init() throws {
    shop = try Workshop()
    let export = try shop.run("data", "export", "tiny.yaml", "-o", "glyphs.npz", "--count", "40", "--quiet")
    try #require(export.status == 0, "\(export.errors)")
  }

  @Test func printsEveryFigureBesideThatOfRealPictures() throws {
    let run = try shop.run("evaluate", "glyphs.npz", "--against", "tiny.yaml", "--statistics", "stats.npz")
    #expect(run.status == 0, "\(run.errors)")
    let wanted = [
      "40 samples; 40 of tiny.yaml, and 40 other real ones", "frechet distance", "kernel distance", "coverage", "lower is better",
    ]
    for words in wanted {
      #expect(run.output.contains(words), "\(run.output)")
    }
    #expect(run.errors.contains("warning: 40 pictures are too few to compare with published figures"))
    #expect(shop.exists("stats.npz"))
    let json = try shop.run("evaluate", "glyphs.npz", "--against", "tiny.yaml", "--statistics", "stats.npz", "--json", "--quiet")
    let report = try json.json(), figures = try #require(report["figures"] as? [[String: Any]])
    #expect(json.errors.isEmpty && report["count"] as? Int == 40 && report["seed"] as? Int == 0)
    #expect(figures.first?["name"] as? String == "frechet_distance" && figures.first?["real"] is Double)
    #expect(((report["statistics"] as? [String: Any])?["digest"] as? String)?.count == 16)
  }

  @Test func aModelIsSampledAndComparedBySamplersAndSteps() throws {
    try shop.train()
    let one = try shop.run("evaluate", "run", "--against", "tiny.yaml", "--count", "20")
    #expect(one.status == 0 && one.output.contains("sampled     dpmpp_2m, 2 steps, guidance 2"), "\(one.errors)")
    let words = ["--steps", "1,2", "--samplers", "ddim,heun", "--plot", "q.png", "--guidance", "1", "--count", "20"]
    let run = try Program.run(["evaluate", "run", "--against", "tiny.yaml"] + words, in: shop.path)
    #expect(run.status == 0 && run.output.contains("s/image") && run.output.hasSuffix("q.png\n"), "\(run.errors)")
    #expect(run.output.components(separatedBy: "\nddim ").count == 3 && run.output.contains("real pictures"))
    let json = try Program.run(["evaluate", "run", "--against", "tiny.yaml", "--json", "--quiet"] + words, in: shop.path).json()
    let rows = try #require(json["rows"] as? [[String: Any]])
    #expect(rows.count == 4 && (rows[3]["sampling"] as? [String: Any])?["evaluations"] as? Int == 2)
    let pictures = try shop.run("evaluate", "glyphs.npz", "--against", "tiny.yaml", "--steps", "5")
    #expect(pictures.status == 64 && pictures.errors.contains("is no model"))
    #expect(try shop.run("evaluate", "run", "--against", "tiny.yaml", "--steps", "5,x").status == 64)
  }

  @Test func pairsPrintALineForEachPictureAndTheMean() throws {
    for folder in ["a", "b"] {
      let export = try shop.run("data", "export", "tiny.yaml", "-o", folder, "--count", "12", "--quiet")
      try #require(export.status == 0, "\(export.errors)")
    }
    let run = try shop.run("evaluate", "a", "--against", "b", "--pairs", "--channel", "rgb", "--crop", "1")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("a against b: 12 pairs, rgb, without 1 pixels at each side") && run.output.contains("equal"))
    let json = try shop.run("evaluate", "a", "--against", "b", "--pairs", "--json", "--quiet").json()
    #expect((json["rows"] as? [Any])?.count == 12 && json["equal"] as? Int == 12 && json["channel"] as? String == "y")
    let files = FileManager.default.enumerator(atPath: "\(shop.path)/a")?.compactMap { $0 as? String }
    let name = try #require(files?.first { $0.hasSuffix(".png") })
    try shop.write("damaged", to: "a/\(name)")
    let damaged = try shop.run("evaluate", "a", "--against", "b", "--pairs")
    #expect(damaged.status == 65 && damaged.errors.contains(name) && damaged.output.contains("mean"))
  }

  @Test func refusesABadRequestBeforeItStarts() throws {
    let cases: [([String], Int32, String)] = [
      (["glyphs.npz"], 64, "--against"), (["glyphs.npz", "--against", "none/x"], 66, "none/x"),
      (["glyphs.npz", "--against", "tiny.yaml", "--count", "41"], 64, "at most 40"),
      (["glyphs.npz", "--against", "tiny.yaml", "--crop", "1"], 64, "go with --pairs"),
      (["glyphs.npz", "--against", "tiny.yaml", "--pairs", "--count", "4"], 64, "leave out the options of sets"),
      (["glyphs.npz", "--against", "tiny.yaml", "--features", "glyphs.npz"], 65, "glyphs.npz"),
      (["glyphs.npz", "--against", "tiny.yaml", "--statistics", "no/x.npz"], 74, "no folder no"),
      (["none", "--against", "tiny.yaml", "--pairs"], 66, "none"),
    ]
    for (arguments, status, words) in cases {
      let run = try Program.run(["evaluate"] + arguments, in: shop.path)
      #expect(run.status == status, "\(arguments): \(run.errors)")
      #expect(run.errors.contains(words) && run.output.isEmpty, "\(arguments): \(run.errors)")
    }
  }
}
