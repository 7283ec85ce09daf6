import Foundation
import Testing

@Suite("sfumato train and resume") struct TrainCommandTests {
  let shop: Workshop

  init() throws { shop = try Workshop() }

  @Test func aDamagedModelOfARunIsRefusedByEveryCommandThatUsesIt() throws {
    try shop.train()
    let place = "run/checkpoints/\(try shop.text("run/latest").trimmingCharacters(in: .newlines))/model.safetensors"
    var bytes = [UInt8](try shop.contents(place))
    bytes[bytes.count - 100] ^= 16
    try shop.write(bytes, to: place)
    for model in ["run", (place as NSString).deletingLastPathComponent] {
      let sample = try shop.run("sample", model, "--count", "1", "-o", "a.png", "--quiet")
      #expect(sample.status == 65 && sample.errors.contains("model.safetensors: is damaged"), "\(sample.errors)")
    }
    let train = try shop.run("train", "tiny.yaml", "--set", "training.initial_weights=run", "--run", "next", "--quiet")
    #expect(train.status == 65 && train.errors.contains("is damaged") && !shop.exists("next"), "\(train.errors)")
    #expect(try shop.run("inspect", "run").status == 0)
  }

  @Test func aTrainingWhoseStepsAllFailEndsWithAnError() throws {
    let run = try shop.run(
      "train", "tiny.yaml", "--run", "run", "--quiet", "--set", "training.learning_rate=1e308", "--set", "training.warmup_images=0")
    #expect(run.status == 65 && run.output.isEmpty && run.errors.contains("nothing was saved since step"), "\(run.errors)")
  }

  @Test func aFolderInPlaceOfTheLogIsNamed() throws {
    try shop.train()
    try FileManager.default.removeItem(atPath: "\(shop.path)/run/log.jsonl")
    try FileManager.default.createDirectory(atPath: "\(shop.path)/run/log.jsonl", withIntermediateDirectories: false)
    let run = try shop.run("resume", "run", "--set", "training.duration=16", "--quiet")
    #expect(run.status == 74 && run.errors.contains("log.jsonl: cannot be read: it is a folder"), "\(run.errors)")
  }

  @Test func printTheModelAndWriteALog() throws {
    let run = try shop.run("train", "tiny.yaml", "--run", "run", "--json", "--set", "training.duration=12")
    #expect(run.status == 0, "\(run.errors)")
    let json = try run.json()
    #expect(json["step"] as? Int == 3)
    #expect(json["images"] as? Int == 12)
    #expect(shop.exists(try #require(json["model"] as? String)))
    #expect(run.errors.contains("training in run\n"))
    #expect(try shop.text("run/log.jsonl").split(separator: "\n").count == 2)
    let quiet = try shop.run("resume", "run", "--quiet", "--set", "training.duration=16")
    #expect(quiet.output == "run/checkpoints/000000004/model.safetensors\n")
    #expect(quiet.errors.isEmpty)
    let again = try shop.run("train", "tiny.yaml", "--run", "run")
    #expect(again.status == 65)
    #expect(again.errors.contains("sfumato resume run"))
  }

  @Test func exactConvolutionsBelongToTheRunFromThenOn() throws {
    let run = try shop.run("train", "tiny.yaml", "--run", "run", "--exact", "--quiet")
    #expect(run.status == 0, "\(run.errors)")
    #expect(try shop.text("run/recipe.yaml").contains("exact_convolutions: true"))
    let direct = try shop.run("train", "tiny.yaml", "--run", "direct", "--set", "training.exact_convolutions=true", "--quiet")
    #expect(direct.status == 0)
    let weights = "checkpoints/000000002/weights.safetensors"
    #expect(try shop.contents("run/\(weights)") == shop.contents("direct/\(weights)"))
  }

  @Test func saveOnControlCAndResume() throws {
    // A minute, in case it is not stopped.
    let process = try Program.start([Program.path, "train", "tiny.yaml", "--run", "run", "--set", "training.duration=1m"], in: shop.path)
    let errors = (process.standardError as! Pipe).fileHandleForReading
    // The first line of progress is shown after the first step.
    var seen = ""
    while !seen.contains("training: ") {
      let piece = errors.availableData
      try #require(!piece.isEmpty, "\(seen)")
      seen += String(decoding: piece, as: UTF8.self)
    }
    kill(process.processIdentifier, SIGINT)
    let run = try Program.finish(process)
    #expect(run.status == 130)
    #expect(run.errors.contains("stopped and saved at step") && !run.errors.contains("error:"))
    let step = try #require(try shop.state()["step"] as? Int)
    #expect(step > 0)
    #expect(try shop.text("run/log.jsonl").contains("\"step\":\(step)"))
    let rest = try shop.run("resume", "run", "--json", "--set", "training.duration=\(4 * step + 4)")
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(rest.errors.contains("resumed  after step \(step)"))
    #expect(try rest.json()["step"] as? Int == step + 1)
  }

  @Test func failWith74OnAFullDiskAndTheEarlierCheckpointSurvives() throws {
    try shop.train()
    let full = try Program.run(
      ["resume", "run", "--set", "training.duration=16"], fileLimit: 32 << 10, in: shop.path)
    #expect(full.status == 74, "\(full.errors)")
    #expect(full.errors.contains("what was there before is untouched"), "\(full.errors)")
    #expect(try shop.state()["step"] as? Int == 2)
    #expect(try FileManager.default.contentsOfDirectory(atPath: shop.path + "/run/checkpoints").allSatisfy { !$0.hasPrefix(".") })
    #expect(try shop.run("sample", "run", "--count", "1").status == 0)
    #expect(try shop.run("resume", "run", "--json").json()["step"] as? Int == 4)
  }

  @Test func leaveNoFolderBehindIfTheyCannotStart() throws {
    let full = try Program.run(["train", "tiny.yaml", "--run", "run"], fileLimit: 32 << 10, in: shop.path)
    #expect(full.status == 74, "\(full.errors)")
    #expect(!shop.exists("run/recipe.yaml") && !shop.exists("run/latest"))
    #expect(try shop.run("train", "tiny.yaml", "--run", "run", "--quiet").status == 0)
  }

  @Test func createANewFolderUnderRunsByDefault() throws {
    for name in ["runs/tiny", "runs/tiny-2"] {
      #expect(try shop.run("train", "tiny.yaml", "--set", "training.duration=4", "--quiet").status == 0)
      #expect(shop.exists("\(name)/latest"))
    }
  }

  @Test func missingFilesAre66() throws {
    #expect(try shop.run("train", "nowhere.yaml").status == 66)
    #expect(try shop.run("resume", "nowhere").status == 66)
  }
}
