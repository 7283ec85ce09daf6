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

  @Test func variablesAndOptionsThatDoNotFitAreRefused() throws {
    #expect(try shop.run("train", "tiny.yaml", "--processes", "0").status == 64)
    let process = try Program.start(
      ["/usr/bin/env", "WORLD_SIZE=2", "RANK=5", "MASTER_ADDR=127.0.0.1", Program.path, "train", "tiny.yaml"], in: shop.path)
    let run = try Program.finish(process)
    #expect(run.status == 64 && run.errors.contains("RANK is 5; expected 0 to 1"), "\(run.errors)")
  }
}
