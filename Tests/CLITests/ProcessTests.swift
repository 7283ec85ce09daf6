import Foundation
import Testing

@Suite("Several processes") struct ProcessTests {
  let shop: Workshop

  init() throws { shop = try Workshop() }

  /// The process of each rank, found by its environment.
  private func children(of process: Process) throws -> [Int32] {
    let ids = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
    let parent = process.processIdentifier
    let own = ids.filter { id in
      ((try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? "").contains("PPid:\t\(parent)\n")
    }
    func rank(_ id: Int32) -> Int? {
      let text = (try? String(contentsOfFile: "/proc/\(id)/environ", encoding: .utf8)) ?? ""
      return text.split(separator: "\0").first { $0.hasPrefix("RANK=") }.flatMap { Int($0.dropFirst(5)) }
    }
    return own.filter { rank($0) != nil }.sorted { rank($0)! < rank($1)! }
  }

  private func savedStep() throws -> Int { try #require(Int(shop.text("run/latest").trimmingCharacters(in: .newlines))) }

  @Test func twoProcessesTrainAndTheFirstWrites() throws {
    let run = try shop.run("train", "tiny.yaml", "--run", "run", "--processes", "2")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "run/checkpoints/000000002/model.safetensors\n")
    #expect(run.errors.contains("2 processes, of 1 thread here"))
    #expect(run.errors.components(separatedBy: "training in run").count == 2, "printed once: \(run.errors)")
    #expect(try shop.text("run/log.jsonl").split(separator: "\n").count == 1)
  }

  @Test func aRecipeThatIsRefusedIsReportedOnce() throws {
    let run = try shop.run("train", "tiny.yaml", "--run", "run", "--processes", "2", "--set", "training.batch_size=0")
    #expect(run.status == 65, "\(run.errors)")
    #expect(run.errors.components(separatedBy: "error:").count == 2, "\(run.errors)")
    #expect(!shop.exists("run"))
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aSignalToTheParentSavesOnceAndEndsAll(signal: Int32) throws {
    let process = try shop.startTraining(["--processes", "2"])
    kill(process.processIdentifier, signal)
    let run = try Program.finish(process)
    #expect(run.status == 128 + signal, "\(run.errors)")
    #expect(run.errors.components(separatedBy: "stopped and saved at step").count == 2, "\(run.errors)")
    #expect(try savedStep() > 0)
  }

  #if os(Linux)
    /// As Slurm does before the time limit.
    @Test func aSignalToEveryRankSavesOnceAndEndsAll() throws {
      let process = try shop.startTraining(["--processes", "2"]), ranks = try children(of: process)
      try #require(ranks.count == 2)
      for id in ranks { kill(id, SIGTERM) }
      let run = try Program.finish(process)
      #expect(run.status == 143, "\(run.errors)")
      #expect(run.errors.components(separatedBy: "stopped and saved at step").count == 2, "\(run.errors)")
    }

    /// The other one stops after the same step.
    @Test func aSignalToOneRankStopsAll() throws {
      let process = try shop.startTraining(["--processes", "2"]), ranks = try children(of: process)
      try #require(ranks.count == 2)
      kill(ranks[1], SIGTERM)
      let run = try Program.finish(process)
      #expect([130, 143].contains(run.status), "\(run.errors)")
      #expect(run.errors.contains("stopped and saved at step"), "\(run.errors)")
    }

    @Test(arguments: [0, 1]) func aRankThatIsKilledIsNamedAndEndsAll(rank: Int) throws {
      let process = try shop.startTraining(["--processes", "2"]), ranks = try children(of: process)
      try #require(ranks.count == 2)
      kill(ranks[rank], SIGKILL)
      let run = try Program.finish(process)
      #expect(run.status == 128 + SIGKILL, "\(run.errors)")
      #expect(run.errors.contains("process \(rank) of 2 was ended by signal 9"), "\(run.errors)")
      #expect(run.errors.contains("process \(rank) of 2 has ended or hangs"), "\(run.errors)")
      // The first saves the last complete step when another one ends.
      if rank == 1 { #expect(try savedStep() > 0) }
    }

    @Test func aRankThatHangsIsNamedAfterTheTimeout() throws {
      let process = try shop.startTraining(["--processes", "2"] + ["--peer-timeout", "3"]), ranks = try children(of: process)
      try #require(ranks.count == 2)
      kill(ranks[1], SIGSTOP)
      defer { kill(ranks[1], SIGKILL) }
      try shop.wait { try !children(of: process).contains(ranks[0]) || isEnded(ranks[0]) }
      kill(ranks[1], SIGKILL)
      let run = try Program.finish(process)
      #expect(run.status == 74, "\(run.errors)")
      #expect(run.errors.contains("process 1 of 2 has ended or hangs"), "\(run.errors)")
      #expect(try savedStep() > 0)
    }

    private func isEnded(_ id: Int32) -> Bool {
      ((try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? "").contains("State:\tZ")
    }

    /// Processes do not go on without what would stop them.
    @Test func theRanksEndWithTheParent() throws {
      let process = try shop.startTraining(["--processes", "2"]), ranks = try children(of: process)
      try #require(ranks.count == 2)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try shop.wait { ranks.allSatisfy { kill($0, 0) != 0 || isEnded($0) } }
      #expect(try savedStep() > 0)
    }
  #endif

  // MARK: Samples and figures

  /// Five images in batches of two: the last round has one batch, and one of a single image.
  private let flags = ["--count", "5", "--batch", "2", "--no-notes", "--quiet", "--best-of", "2", "--frames", "3"]

  @Test func twoProcessesSampleTheImagesOfOne() throws {
    try shop.train()
    for (name, processes) in [("one", "1"), ("two", "2"), ("three", "3")] {
      let files = ["-o", "\(name).png", "--npz", "\(name).npz", "--animation", "\(name).gif", "--processes", processes]
      let run = try Program.run(["sample", "run"] + flags + files, in: shop.path)
      #expect(run.status == 0 && run.output == "\(name).png\n\(name).gif\n\(name).npz\n", "\(run.errors)")
    }
    for other in ["two", "three"] {
      for ending in ["png", "npz", "gif"] { #expect(try shop.contents("\(other).\(ending)") == shop.contents("one.\(ending)")) }
    }
    let shown = try shop.run("sample", "run", "--count", "5", "--batch", "2", "--processes", "2", "--json", "-o", "shown.png")
    #expect(shown.status == 0 && shown.errors.contains("sampling: 100%") && !shown.errors.contains("process 1"), "\(shown.errors)")
    #expect(try shown.json()["images"] as? Int == 5)
  }

  @Test func noiseOfOneStreamAndPairsAreForOneProcess() throws {
    try shop.train()
    let run = try shop.run("sample", "run", "--count", "5", "--noise-order", "batch", "--processes", "2", "-o", "x.png")
    #expect(run.status == 64 && run.errors.contains("use one process"), "\(run.errors)")
    #expect(run.errors.components(separatedBy: "error:").count == 2, "\(run.errors)")
    #expect(!shop.exists("x.png"))
    #expect(try shop.run("evaluate", "a", "--against", "b", "--pairs", "--processes", "2").status == 64)
  }

  @Test func twoProcessesFindTheFiguresOfOne() throws {
    try shop.train()
    let export = try shop.run("data", "export", "tiny.yaml", "-o", "own", "--count", "30", "--quiet")
    try #require(export.status == 0, "\(export.errors)")
    let names = FileManager.default.enumerator(atPath: "\(shop.path)/own")?.compactMap { $0 as? String }
    try shop.write("damaged", to: "own/\(#require(names?.first { $0.hasSuffix(".png") }))")
    for samples in ["run", "own"] {
      func figures(_ processes: String) throws -> (run: Program.Run, report: [String: Any]) {
        let words = ["--count", "26", "--batch", "8", "--json", "--quiet", "--processes", processes]
        let run = try Program.run(["evaluate", samples, "--against", "tiny.yaml", "--size", "8"] + words, in: shop.path)
        return (run, try run.json())
      }
      var one = try figures("1"), two = try figures("2")
      #expect(one.run.status == two.run.status && [0, 65].contains(two.run.status), "\(two.run.errors)")
      // Sampling takes another time.
      one.report["sampling"] = nil
      two.report["sampling"] = nil
      #expect(NSDictionary(dictionary: one.report).isEqual(to: two.report))
      #expect((two.report["figures"] as? [Any])?.isEmpty == false)
    }
    let table = try shop.run(
      "evaluate", "run", "--against", "tiny.yaml", "--count", "20", "--steps", "1,2", "--plot", "q.svg", "--processes", "2")
    #expect(table.status == 0 && table.output.hasSuffix("q.svg\n") && table.output.contains("real pictures"), "\(table.errors)")
  }

  @Test func variablesAndOptionsThatDoNotFitAreRefused() throws {
    #expect(try shop.run("train", "tiny.yaml", "--processes", "0").status == 64)
    let process = try Program.start(
      ["/usr/bin/env", "WORLD_SIZE=2", "RANK=5", "MASTER_ADDR=127.0.0.1", Program.path, "train", "tiny.yaml"], in: shop.path)
    let run = try Program.finish(process)
    #expect(run.status == 64 && run.errors.contains("RANK is 5; expected 0 to 1"), "\(run.errors)")
  }
}
