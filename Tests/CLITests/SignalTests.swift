import Foundation
import Testing

@Suite("Signals and closed output") struct SignalTests {
  let shop: Workshop

  /// Signals and the exit codes of the commands that they stop.
  static let stops: [(signal: Int32, status: Int32)] = [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129), (SIGQUIT, 131), (SIGXCPU, 152)]

  init() throws { shop = try Workshop() }

  /// Returns once the program handles the signal: until libtorch is loaded, which takes seconds on a busy machine, it dies of it.
  private func waitForHandlers(of process: Process, _ signal: Int32) throws {
    #if os(Linux)
      try shop.wait {
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") })
        let caught = try #require(UInt64(line.dropFirst("SigCgt:".count).trimmingCharacters(in: .whitespaces), radix: 16))
        return caught & (1 << UInt64(signal - 1)) != 0
      }
    #else
      usleep(3_000_000)
    #endif
  }

  private func savedStep() throws -> Int { try #require(Int(shop.text("run/latest").trimmingCharacters(in: .newlines))) }

  @Test(arguments: stops)
  func everyStoppingSignalSavesTheTrainingAndHasItsExitCode(signal: Int32, status: Int32) throws {
    let process = try shop.startTraining()
    kill(process.processIdentifier, signal)
    #expect(try Program.finish(process).status == status)
    #expect(try savedStep() > 0)
  }

  /// Terminals and batch systems send several at once.
  @Test(arguments: [(SIGTERM, SIGTERM), (SIGINT, SIGTERM)]) func aSecondSignalSoonAfterTheFirstDoesNotCostTheSave(
    first: Int32, second: Int32
  ) throws {
    let process = try shop.startTraining()
    kill(process.processIdentifier, first)
    usleep(2_000)
    kill(process.processIdentifier, second)
    let run = try Program.finish(process)
    // Another thread may take the second one first.
    #expect([128 + first, 128 + second].contains(run.status) && run.errors.contains("stopped and saved at step"), "\(run.errors)")
    #expect(run.errors.contains("to end at once without saving, signal again"))
    #expect(try savedStep() > 0)
  }

  @Test func theCommandThatResumesIsQuoted() throws {
    let process = try Program.start([Program.path, "train", "tiny.yaml", "--run", "my run"] + Workshop.endless, in: shop.path)
    try shop.wait { shop.exists("my run/log.jsonl") }
    kill(process.processIdentifier, SIGTERM)
    let run = try Program.finish(process)
    #expect(run.errors.contains("resume with: sfumato resume 'my run'"), "\(run.errors)")
  }

  @Test(arguments: [SIGUSR1, SIGUSR2]) func aSignalOfTheUserSavesWithoutStopping(signal: Int32) throws {
    let process = try shop.startTraining()
    kill(process.processIdentifier, signal)
    try shop.wait { try savedStep() > 0 }
    let step = try savedStep()
    #expect(process.isRunning)
    kill(process.processIdentifier, signal)
    try shop.wait { try savedStep() > step }
    kill(process.processIdentifier, SIGTERM)
    let run = try Program.finish(process)
    #expect(run.status == 143 && run.errors.contains("saved at step"), "\(run.errors)")
  }

  @Test func sighupStaysIgnoredUnderNohup() throws {
    let process = try Program.start(
      ["/bin/sh", "-c", "trap '' HUP; exec \"$0\" \"$@\"", Program.path, "train", "tiny.yaml", "--run", "run"] + Workshop.endless,
      in: shop.path)
    try shop.wait { shop.exists("run/log.jsonl") }
    kill(process.processIdentifier, SIGHUP)
    usleep(500_000)
    #expect(process.isRunning)
    kill(process.processIdentifier, SIGTERM)
    #expect(try Program.finish(process).status == 143)
  }

  @Test(arguments: stops.prefix(2))
  func samplingStopsAndLeavesNothingBehind(signal: Int32, status: Int32) throws {
    try shop.train()
    let process = try Program.start(
      [Program.path, "sample", "run", "--count", "1000", "--steps", "1000", "--batch", "8", "-o", "out.png", "--npz", "out.npz"],
      in: shop.path)
    try waitForHandlers(of: process, signal)
    usleep(1_500_000)
    kill(process.processIdentifier, signal)
    #expect(try Program.finish(process).status == status)
    let left = try FileManager.default.contentsOfDirectory(atPath: shop.path)
    #expect(left.allSatisfy { !$0.hasPrefix("out") && !$0.hasSuffix(".part") }, "\(left)")
  }

  /// The whole picture as one tile would take minutes.
  @Test func upscalingStopsWhileATileIsComputed() throws {
    try shop.write(Array("P5 1500 1500 255\n".utf8) + [UInt8](repeating: 99, count: 1500 * 1500), to: "big.pgm")
    let process = try Program.start(
      [Program.path, "upscale", UpscaleCommandTests.model, "big.pgm", "-o", "out.png", "--tile", "0"], in: shop.path)
    try waitForHandlers(of: process, SIGTERM)
    usleep(2_000_000)
    let start = ContinuousClock.now
    kill(process.processIdentifier, SIGTERM)
    #expect(try Program.finish(process).status == 143)
    // A second, and what a busy machine adds.
    #expect(start.duration(to: .now) < .seconds(15))
    #expect(try FileManager.default.contentsOfDirectory(atPath: shop.path).allSatisfy { !$0.hasPrefix("out") && !$0.hasSuffix(".tmp") })
  }

  @Test func aTrainingFinishesWhenItsReaderGoesAway() throws {
    let run = try shell("\"$0\" train tiny.yaml --run run --set training.duration=400 2>&1 | head -n 1; echo ${PIPESTATUS[0]}")
    #expect(run.output.hasPrefix("training in run"))
    // 400 images in batches of 4; the result had no reader.
    #expect(try savedStep() == 100)
    #expect(run.output.hasSuffix("\n141\n"), "\(run.output)")
  }

  @Test(arguments: [["recipe", "show", "tiny.yaml"], ["--help"], ["doctor"], ["convert", "--list-presets"], ["--version"]])
  func aFailedWriteOfTheResultIs74(words: [String]) throws {
    #expect(FileManager.default.fileExists(atPath: "/dev/full") || ProcessInfo.processInfo.operatingSystemVersionString.contains("mac"))
    let run = try shell("\"$0\" \(words.joined(separator: " ")) >/dev/full; echo $?")
    #expect(run.output == "74\n" && run.errors.contains("standard output cannot be written: no space left on device"), "\(run.errors)")
  }

  @Test func anErrorThatCannotBePrintedStillHasItsExitCode() throws {
    let run = try shell("\"$0\" inspect nowhere 2>/dev/full; echo $?")
    #expect(run.output == "66\n")
  }

  private func shell(_ command: String) throws -> Program.Run {
    try Program.finish(Program.start(["/bin/bash", "-c", command, Program.path], in: shop.path))
  }

  /// A file that is opened takes the lowest free number: without a standard error, it would be that of the run's lock or log.
  @Test(arguments: ["2>&-", ">&-", "<&- >&- 2>&-"]) func streamsThatAreClosedAtTheStartAreNotTakenByFiles(redirection: String) throws {
    let command = "exec \"$0\" train tiny.yaml --run run \(redirection)"
    let run = try Program.finish(Program.start(["/bin/bash", "-c", command, Program.path], in: shop.path))
    #expect(run.status == (redirection == "2>&-" ? 0 : 74), "\(run.errors)")
    for name in ["run/lock", "run/log.jsonl", "run/recipe.yaml", "run/latest"] {
      #expect(try !shop.text(name).contains("training in run") && !shop.text(name).contains("images/s"), "\(name)")
    }
    #expect(try savedStep() == 2)
  }
}
