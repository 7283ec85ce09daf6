import Foundation
import Testing

/// `sfumato-main`, built beside the test bundle, run in a separate process.
struct Program {
  struct Run {
    let status: Int32
    let output: String
    let errors: String

    func json() throws -> [String: Any] { try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) }
  }

  /// The folder of `sfumato-main` and the launcher.
  static var folder: URL {
    #if os(macOS)
      let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
      return bundle.bundleURL.deletingLastPathComponent()
    #else
      return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    #endif
  }

  static var path: String { folder.appendingPathComponent("sfumato-main").path }

  /// Runs `sfumato-main` to its end.
  static func run(_ arguments: [String], in folder: String) throws -> Run {
    try finish(start([path] + arguments, in: folder))
  }

  /// Runs it with a limit on the size of files, in bytes, which acts like a full disk.
  static func run(_ arguments: [String], fileLimit: Int, in folder: String) throws -> Run {
    let command = "ulimit -f \(fileLimit / 1024); exec \"$0\" \"$@\""
    return try finish(start(["/bin/bash", "-c", command, path] + arguments, in: folder))
  }

  /// Runs it with a limit on its private memory, in bytes, which Linux enforces.
  static func run(_ arguments: [String], memoryLimit: Int, in folder: String) throws -> Run {
    let command = "ulimit -d \(memoryLimit / 1024); exec \"$0\" \"$@\""
    return try finish(start(["/bin/bash", "-c", command, path] + arguments, in: folder))
  }

  static func start(_ words: [String], in folder: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    // Tests run in parallel: one thread each, which also makes results independent of the number of cores.
    process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1"]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = Pipe()
    process.standardError = Pipe()
    try process.run()
    return process
  }

  /// Waits for the process to exit. Its output must fit into a pipe's buffer.
  static func finish(_ process: Process) throws -> Run {
    let texts = [process.standardOutput, process.standardError].map {
      String(decoding: ($0 as! Pipe).fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
    process.waitUntilExit()
    return Run(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }
}

/// A folder with a tiny recipe and, after `train`, a run of two steps; removed with its last reference.
final class Workshop {
  let path: String
  /// The smallest network, on generated 8 x 8 digits.
  static let recipe = """
    data: { type: glyphs, size: 8, classes: digits, count: 100 }
    network: { type: adm_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }
    sampling: { steps: 2, guidance_scale: 2 }
    training: { batch_size: 4, duration: 8, log_every: 8, preview_every: 100000, checkpoint_every: 100000 }

    """

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.resolvingSymlinksInPath().path
    try write(Self.recipe, to: "tiny.yaml")
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func run(_ arguments: String...) throws -> Program.Run { try Program.run(arguments, in: path) }

  func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }
  func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
  func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")) }
  func text(_ name: String) throws -> String { String(decoding: try contents(name), as: UTF8.self) }
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

  /// Trains with the tiny recipe in the run folder `run`.
  func train() throws {
    let run = try run("train", "tiny.yaml", "--run", "run", "--quiet")
    try #require(run.status == 0, "\(run.errors)")
  }

  /// For a training that a test stops.
  static let endless = ["--set", "training.duration=10m", "--set", "training.checkpoint_every=1000000"]

  /// A training in the run folder `run` that has begun.
  func startTraining(_ words: [String] = []) throws -> Process {
    let process = try Program.start([Program.path, "train", "tiny.yaml", "--run", "run"] + Self.endless + words, in: path)
    try wait { exists("run/log.jsonl") }
    return process
  }

  /// - Throws: if the condition does not become true within a minute.
  func wait(for condition: () throws -> Bool) throws {
    for _ in 0..<1200 {
      if try condition() { return }
      usleep(50_000)
    }
    try #require(try condition())
  }

  /// The state file of the newest checkpoint.
  func state() throws -> [String: Any] {
    let latest = try text("run/latest").trimmingCharacters(in: .newlines)
    return try #require(try JSONSerialization.jsonObject(with: contents("run/checkpoints/\(latest)/state.json")) as? [String: Any])
  }
}
