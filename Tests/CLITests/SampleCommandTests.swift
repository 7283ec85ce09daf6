import Foundation
import Testing

@Suite("sfumato sample") struct SampleCommandTests {
  let shop: Workshop

  init() throws {
    shop = try Workshop()
    try shop.train()
  }

  @Test func printsTheFilesThatItWroteAndTheSameSeedGivesTheSameBytes() throws {
    let first = try shop.run(
      "sample", "run", "--count", "4", "-o", "a.png", "--npz", "a.npz", "--animation", "a.gif", "--quiet", "--no-notes")
    #expect(first.status == 0)
    #expect(first.output == "a.png\na.gif\na.npz\n")
    #expect(first.errors.isEmpty)
    let second = try shop.run("sample", "run", "--count", "4", "-o", "b.png", "--npz", "b.npz", "--json", "--no-notes")
    #expect(second.status == 0)
    #expect(second.errors.contains("sampling: "))
    let json = try second.json()
    #expect(json["files"] as? [String] == ["b.png", "b.npz"])
    #expect(json["images"] as? Int == 4)
    #expect(json["seconds"] is Double)
    #expect(try shop.contents("a.png") == shop.contents("b.png"))
    #expect(try shop.contents("a.npz") == shop.contents("b.npz"))
    #expect(try shop.run("sample", "run", "--count", "4", "-o", "b.png", "--seed", "1", "--no-notes").status == 0)
    #expect(try shop.contents("a.png") != shop.contents("b.png"))
  }

  @Test func refusesABadRequestBeforeItStarts() throws {
    let cases: [([String], Int32, String)] = [
      (["--no-such-flag"], 64, "--no-such-flag"), (["--count", "0"], 64, "count must be 1"), (["--count", "many"], 64, "--count"),
      (["--count=-1"], 64, "count must be 1"), (["--batch", "0"], 64, "batch must be 1"), (["--guidance", "nan"], 64, "expected a number"),
      (["--class", "Q"], 64, "the classes are 0, 1"), (["--eta", "0.5"], 64, "eta"), (["--steps", "5000"], 64, "5000"),
      (["--columns", "0"], 64, "columns"), (["--device", "tpu"], 64, "unknown device"),
      (["-o", "nowhere/x.png"], 74, "there is no folder nowhere"),
      (["-o", "x.bmp"], 64, ".bmp"), (["--animation", "x.png"], 64, "no animation"),
      (["--npz", "tiny.yaml/x.npz"], 74, "cannot be written"),
      (["--text", "red", "--class", "0"], 64, "leave one of --class and --text out"),
      (["--text", "red"], 64, "takes no text, but classes"),
      (["--text", "red", "--context", "v.npy"], 64, "leave one of --text and --context out"),
      (["--mask", "m.png"], 64, "add --init PICTURE"), (["--strength", "0.5"], 64, "add --init PICTURE"),
      (["--init", "nowhere.png"], 66, "nowhere.png"), (["--start-noise", "nowhere.npz"], 66, "nowhere.npz"),
      (["--init", "p.png", "--start-noise", "n.npz"], 64, "both set the start"), (["--noise-window", "5"], 64, "--noise-window"),
      (["--noise-window", "5,1"], 64, "the least and the most"), (["--guidance-interval", "a,b"], 64, "--guidance-interval"),
      (["--guidance-rescale", "2"], 64, "expected 0 to 1"), (["--second-pass", "2"], 64, "strength 2"),
      (["--skip-steps", "99"], 64, "expected 0 to"), (["--best-of", "0"], 64, "must be 1 to 1000"),
      (["--set", "sampler.odrer=3"], 64, "odrer"), (["--sampler", "heunn"], 64, "did you mean 'heun'?"),
      (["--spacing", "karras:rho=0"], 64, "rho"), (["--captions", "clas"], 64, "--captions"), (["--captions", "score"], 64, "--best-of 2"),
      (["--animation", "a.gif", "--frames", "1"], 64, "--frames"), (["--animation", "a.gif", "--frames", "0,5000"], 64, "no step 5000"),
      (["--animation", "a.gif", "--frame-time", "0"], 64, "1 to 600000 ms"), (["--denoising", "a.gift"], 64, ".gift"),
      (["--context", "v.npy"], 64, "takes classes, not context vectors"),
      (["--context", "v.npy", "--class", "all"], 64, "leave one of --class and --context out"),
    ]
    for (flags, status, words) in cases {
      let run = try Program.run(["sample", "run"] + flags, in: shop.path)
      #expect(run.status == status, "\(flags): \(run.errors)")
      #expect(run.errors.lowercased().contains("error: ") && run.errors.contains(words), "\(flags): \(run.errors)")
      #expect(run.output.isEmpty)
    }
    #expect(!shop.exists("samples.png"))
  }

  @Test func thePictureStoresItsCommandWhichReproducesIt() throws {
    let first = try shop.run(
      "sample", "run", "--count", "3", "--seed", "5", "--captions", "class,number", "--denoising", "steps.png", "-o", "a b.png", "--quiet")
    #expect(first.output == "a b.png\nsteps.png\n")
    let inspected = try shop.run("inspect", "a b.png", "--json").json()
    let notes = try #require(inspected["notes"] as? [[String: String]])
    let command = try #require(notes.first { $0["key"] == "sfumato.command" }?["text"])
    #expect(command == "sfumato sample run --count 3 --seed 5 --captions class,number --denoising steps.png -o 'a b.png' --quiet")
    let before = try shop.contents("a b.png")
    let words = command.replacingOccurrences(of: "'a b.png'", with: "a%b.png").split(separator: " ").dropFirst()
    #expect(try Program.run(words.map { $0.replacingOccurrences(of: "%", with: " ") }, in: shop.path).status == 0)
    #expect(try shop.contents("a b.png") == before)
    #expect(try shop.run("inspect", "steps.png").output.contains("sfumato.command:"))
  }

  @Test func startsFromAPictureAndReportsTheCandidatesThatItKept() throws {
    #expect(try shop.run("sample", "run", "--count", "1", "--columns", "1", "-o", "p.png", "--quiet").status == 0)
    let run = try shop.run(
      "sample", "run", "--count", "2", "--init", "p.png", "--strength", "0.5", "--best-of", "3", "--second-pass", "0.5", "--sampler",
      "ddpm",
      "--noise-until", "1", "--set", "sampling.clip=false", "-o", "q.png", "--json", "--quiet")
    #expect(run.status == 0, "\(run.errors)")
    let candidates = try #require(try run.json()["candidates"] as? [[String: Any]])
    #expect(candidates.count == 2)
    for candidate in candidates {
      let scores = try #require(candidate["scores"] as? [Double]), kept = try #require(candidate["kept"] as? Int)
      #expect(scores.count == 3 && scores[kept] == scores.max())
    }
  }

  @Test func aMissingModelIs66AndADamagedOne65() throws {
    let missing = try shop.run("sample", "nowhere")
    #expect(missing.status == 66)
    #expect(missing.errors.contains("there is no model 'nowhere'"))
    let latest = try shop.text("run/latest").trimmingCharacters(in: .newlines)
    let model = try shop.contents("run/checkpoints/\(latest)/model.safetensors")
    try shop.write(Array(model.dropLast(100)), to: "short.safetensors")
    let damaged = try shop.run("sample", "short.safetensors")
    #expect(damaged.status == 65)
    #expect(damaged.errors.contains("short.safetensors"))
  }

  @Test func aFaultInTheNetworkIs70() throws {
    let latest = try shop.text("run/latest").trimmingCharacters(in: .newlines)
    var model = try shop.contents("run/checkpoints/\(latest)/model.safetensors")
    // The recipe in the file has more classes than the network has embeddings: only sampling one of them shows it.
    let names = #"[\"0\", \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\"]\n  null_class: 10"#
    let more = #"[a, b, c, d, e, f, g, h, i, j, k, l, m]\n  null_class: 13"#
    let range = try #require(model.range(of: Data(names.utf8)))
    model.replaceSubrange(range, with: Data(more.padding(toLength: names.count, withPad: " ", startingAt: 0).utf8))
    try shop.write(Array(model), to: "names.safetensors")
    let run = try shop.run("sample", "names.safetensors")
    #expect(run.status == 70, "\(run.errors)")
    #expect(run.errors.contains("embedding"), "\(run.errors)")
  }

  @Test(arguments: [["--guidance", "1e308"], ["--guidance", "1001"], ["--set", "sampling.clip_sample_range=inf"]])
  func settingsThatCanOnlyOverflowAre64(words: [String]) throws {
    let run = try Program.run(["sample", "run", "--count", "1"] + words, in: shop.path)
    #expect(run.status == 64 && run.errors.contains("expected"), "\(run.errors)")
  }

  @Test(.timeLimit(.minutes(1))) func aPipeAsOutputIsRefusedBeforeSampling() throws {
    for name in ["pipe.png", "pipe.npz"] {
      #expect(mkfifo("\(shop.path)/\(name)", 0o600) == 0)
      let run = try Program.run(["sample", "run", "--count", "1", name.hasSuffix("z") ? "--npz" : "-o", name], in: shop.path)
      #expect(run.status == 74 && run.errors.contains("\(name): cannot be written: it is a pipe"), "\(run.errors)")
    }
  }
}
