import Foundation
import Testing

/// The program proper, built beside the test bundle, run in a process of its own.
struct Program {
  struct Run {
    let status: Int32
    let output: String
    let errors: String

    func json() throws -> [String: Any] { try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]) }
  }

  /// Where `sfumato-main` and the launcher were put.
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

  /// Runs it so that no file may grow beyond so many bytes: what a full disk is to it.
  static func run(_ arguments: [String], fileLimit: Int, in folder: String) throws -> Run {
    let command = "ulimit -f \(fileLimit / 1024); exec \"$0\" \"$@\""
    return try finish(start(["/bin/bash", "-c", command, path] + arguments, in: folder))
  }

  static func start(_ words: [String], in folder: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    // Tests run side by side: one thread each, which also makes the bytes independent of the machine's number of cores.
    process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1"]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = Pipe()
    process.standardError = Pipe()
    try process.run()
    return process
  }

  /// Waits for the end. What a run prints here is far less than a pipe holds.
  static func finish(_ process: Process) throws -> Run {
    let texts = [process.standardOutput, process.standardError].map {
      String(decoding: ($0 as! Pipe).fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
    process.waitUntilExit()
    return Run(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }
}

/// A folder with a tiny recipe and, where asked for, a training of two steps by it; it goes away with its last reference.
final class Workshop {
  let path: String
  /// The smallest network there is on 8 x 8 digits that are drawn on demand.
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

  /// Trains by the tiny recipe in the folder `run`.
  func train() throws {
    let run = try run("train", "tiny.yaml", "--run", "run", "--quiet")
    try #require(run.status == 0, "\(run.errors)")
  }

  /// What the newest checkpoint says of itself.
  func state() throws -> [String: Any] {
    let latest = try text("run/latest").trimmingCharacters(in: .newlines)
    return try #require(try JSONSerialization.jsonObject(with: contents("run/checkpoints/\(latest)/state.json")) as? [String: Any])
  }
}
