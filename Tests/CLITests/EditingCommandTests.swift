import Foundation
import Testing

@Suite("sfumato invert, interpolate and transfer") struct EditingCommandTests {
  let shop: Workshop

  init() throws {
    shop = try Workshop()
    try shop.train()
    let sample = try shop.run("sample", "run", "--count", "2", "--images", "in", "-o", "grid.png", "--quiet")
    try #require(sample.status == 0, "\(sample.errors)")
  }

  @Test func invertPrintsTheErrorsAndWritesLatentsThatSampleTakes() throws {
    let run = try shop.run("invert", "run", "in", "-o", "l.npz", "--reconstruction", "r.png", "--class", "3", "--steps", "8")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.hasPrefix("8 steps, 2 corrections\n") && run.output.contains("PSNR dB") && run.output.contains("in/1.png"))
    #expect(run.output.hasSuffix("l.npz\nr.png\n") && run.errors.contains("inverting: 100%"))
    let json = try shop.run("invert", "run", "in/0.png", "-o", "l.npz", "--steps", "8", "--json", "--quiet").json()
    let row = try #require((json["rows"] as? [[String: Any]])?.first)
    #expect(row["largest_error"] is Int && row["latent_deviation"] is Double && json["files"] as? [String] == ["l.npz"])
    let back = try shop.run("sample", "run", "--start-noise", "l.npz", "--count", "1", "-o", "b.png", "--quiet")
    #expect(back.status == 0, "\(back.errors)")
  }

  @Test func interpolatePrintsItsFiles() throws {
    let run = try shop.run(
      "interpolate", "run", "in/0.png", "seed:4", "--class", "3,8", "--frames", "3", "--steps", "4", "-o", "i.png", "--animation", "i.gif")
    #expect(run.status == 0 && run.output == "i.png\ni.gif\n", "\(run.errors)")
    let json = try shop.run("interpolate", "run", "seed:1", "seed:4", "--frames", "2", "--steps", "2", "--json", "--quiet").json()
    #expect(json["files"] as? [String] == ["interpolation.png"] && json["frames"] as? Int == 2)
  }

  @Test func transferReportsABrokenPictureAndTransfersTheOthers() throws {
    try shop.write("text", to: "in/2.png")
    let run = try shop.run(
      "transfer", "in", "-o", "out", "--from", "run", "--to", "run", "--from-class", "3", "--to-class", "8", "--steps", "4", "--compare",
      "c.png")
    #expect(run.status == 65 && run.output == "out/0.png\nout/1.png\nc.png\n", "\(run.errors)")
    #expect(run.errors.contains("error: in/2.png") && run.errors.contains("2 pictures transferred in") && run.errors.contains("1 failed"))
    let json = try shop.run(
      "transfer", "in/0.png", "-o", "x.png", "--from", "run", "--to", "run", "--steps", "4", "--strength", "0.5", "--json", "--quiet"
    ).json()
    #expect(json["files"] as? [String] == ["x.png"] && json["seconds"] is Double)
  }

  @Test func badRequestsAreRefused() throws {
    let pair = ["--from", "run", "--to", "run"]
    let cases: [([String], Int32, String)] = [
      (["invert", "run", "in/0.png"], 64, "--output"), (["invert", "nowhere", "in/0.png", "-o", "l.npz"], 66, "there is no model"),
      (["invert", "run", "in/0.png", "-o", "l.npz", "--corrections", "99"], 64, "0 to 20"),
      (["invert", "run", "in/0.png", "-o", "l.npz", "--class", "3,,4"], 64, "--class"),
      (["interpolate", "run", "seed:x", "seed:2"], 64, "seed:7"), (["interpolate", "run", "a.png", "seed:2"], 66, "no picture 'a.png'"),
      (["interpolate", "run", "seed:1", "seed:2", "--frames", "1"], 64, "2 to 1000"),
      (["transfer", "in/0.png", "-o", "x.png", "--strength", "0"] + pair, 64, "strength 0"),
      (["transfer", "in/0.png", "-o", "x.png", "--to-class", "Q"] + pair, 64, "no class 'Q'"),
      (["transfer", "in/0.png", "-o", "in/0.png"] + pair, 64, "overwritten"),
    ]
    for (arguments, status, words) in cases {
      let run = try Program.run(arguments, in: shop.path)
      #expect(run.status == status && run.errors.contains(words) && run.output.isEmpty, "\(arguments): \(run.errors)")
    }
  }
}
