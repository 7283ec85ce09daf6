import Foundation
import Testing

@Suite("sfumato watch and average") struct WatchCommandTests {
  let shop: Workshop
  init() throws { shop = try Workshop() }

  @Test func watchShowsARunOnceOrUntilItIsFinished() throws {
    try shop.train()
    for arguments in [["watch", "run", "--once"], ["watch", "run"]] {
      let run = try Program.run(arguments, in: shop.path)
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      #expect(run.output.hasPrefix("run: finished, 100%\n") && run.output.contains("step        2, 8 images"))
      #expect(run.output.contains("checkpoint  run/checkpoints/000000002"))
    }
    let json = try shop.run("watch", "run", "--once", "--json").json()
    #expect(json["state"] as? String == "finished" && json["images"] as? Int == 8 && json["seconds_left"] as? Double == 0)
  }

  @Test func watchEndsOnControlC() throws {
    try shop.train()
    // An unfinished run: the duration was longer when it was logged.
    try shop.write(shop.text("run/log.jsonl").replacing("\"progress\":1", with: "\"progress\":0.25"), to: "run/log.jsonl")
    let process = try Program.start([Program.path, "watch", "run"], in: shop.path)
    let output = (process.standardOutput as! Pipe).fileHandleForReading
    #expect(String(decoding: output.availableData, as: UTF8.self).contains("training, 25%"))
    kill(process.processIdentifier, SIGINT)
    let run = try Program.finish(process)
    #expect(run.status == 130 && !run.errors.contains("error:"))
  }

  @Test func whatIsNoRunIs66AndBadFlagsAre64() throws {
    #expect(try shop.run("watch", "nowhere", "--once").status == 66)
    #expect(try shop.run("watch", "nowhere", "--interval", "0").status == 64)
    #expect(try shop.run("average", "nowhere", "--length", "0.1", "-o", "m.safetensors").status == 66)
    #expect(try shop.run("average", "nowhere", "-o", "m.safetensors").status == 64)
    #expect(try shop.run("average", "nowhere", "--length", "0.1", "--rate", "0.9", "-o", "m.safetensors").status == 64)
  }

  @Test func averageMakesAModelToSampleFrom() throws {
    let averages = "training.averages=[{ type: power, length: 0.05 }, { type: power, length: 0.1 }]"
    let train = try shop.run(
      "train", "tiny.yaml", "--run", "run", "--quiet", "--set", averages, "--set", "training.duration=40", "--set",
      "training.snapshot_every=4")
    #expect(train.status == 0, "\(train.errors)")
    let run = try shop.run("average", "run", "--length", "0.08", "-o", "m.safetensors")
    #expect(run.status == 0 && run.output == "m.safetensors\n", "\(run.errors)")
    #expect(run.errors.contains("done: step 10, from 10 snapshots"))
    #expect(try shop.run("average", "run", "--length", "0.08", "-o", "m.safetensors", "--json").json()["step"] as? Int == 10)
    #expect(try shop.run("sample", "m.safetensors", "--count", "1", "-o", "m.png").status == 0)
    let own = try shop.run("average", "run", "--rate", "0.999", "-o", "own.safetensors")
    #expect(own.status == 0 && own.errors.contains("as the run keeps it"), "\(own.errors)")
    let none = try shop.run("average", "run", "--rate", "0.9", "-o", "n.safetensors")
    #expect(none.status == 65 && none.errors.contains("it has power=0.05, power=0.1"), "\(none.errors)")
  }
}
