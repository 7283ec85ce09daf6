import Foundation
import Tensors
import Training

/// PyTorch in a child process, which times the same network when it is asked to and sleeps in between.
///
/// The program is `scripts/bench_pytorch.py`, which describes what is said between the two: one line of JSON each way.
final class BenchmarkPeer {
  let facts: BenchmarkReport.PyTorch
  let parameters: Int
  private let process: Process
  private let requests: FileHandle
  private let answers: LineReader
  private var hasEnded = false

  /// Why there is no PyTorch to compare with.
  struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// - Parameters:
  ///   - python: a Python with torch.
  ///   - script: the program to run in it.
  ///   - setup: the JSON object that it is given.
  /// - Throws: `Problem`.
  init(python: String, script: String, setup: [String: Any]) throws {
    let process = Process(), input = Pipe(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [script, String(decoding: try JSONSerialization.data(withJSONObject: setup), as: UTF8.self)]
    process.environment = Self.environment(ProcessInfo.processInfo.environment, libtorch: Torch.libraryPath)
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { throw Problem("\(python) cannot be started") }
    let answers = LineReader(output.fileHandleForReading)
    guard let line = answers.next(), let hello = Self.object(line) else {
      process.terminate()
      throw Problem("\(python) ended without an answer")
    }
    guard let version = hello["torch"] as? String, let number = hello["python"] as? String, let parameters = hello["parameters"] as? Int
    else {
      process.terminate()
      throw Problem(hello["failure"] as? String ?? "\(python) gave an answer that is not understood")
    }
    facts = BenchmarkReport.PyTorch(executable: python, version: version, python: number)
    (self.process, self.answers, self.parameters) = (process, answers, parameters)
    requests = input.fileHandleForWriting
  }

  deinit {
    try? requests.close()
    if process.isRunning { process.terminate() }
  }

  enum Mode: String { case eager, compiled }

  /// Times `count` runs, after one that is not timed.
  func measure(
    _ workload: BenchmarkReport.Workload, _ precision: Precision, _ mode: Mode, count: Int
  ) -> BenchmarkReport.PyTorchTimes {
    // Writing to a process that is gone would raise SIGPIPE in a program that does not ignore it.
    guard !hasEnded else { return Self.ended }
    let request: [String: Any] = ["workload": workload.rawValue, "precision": precision.rawValue, "mode": mode.rawValue, "count": count]
    do {
      try requests.write(contentsOf: JSONSerialization.data(withJSONObject: request) + Data("\n".utf8))
    } catch {
      hasEnded = true
    }
    guard !hasEnded, let line = answers.next() else {
      hasEnded = true
      return Self.ended
    }
    guard let answer = Self.object(line), let seconds = answer["seconds"] as? [Double] else {
      return BenchmarkReport.PyTorchTimes(failure: Self.object(line)?["failure"] as? String ?? "an answer that is not understood")
    }
    return BenchmarkReport.PyTorchTimes(times: .init(seconds), preparation: answer["preparation"] as? Double ?? 0)
  }

  private static let ended = BenchmarkReport.PyTorchTimes(failure: "the process has ended")

  private static func object(_ line: String) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
  }

  /// What our launcher set for us is taken away, for PyTorch is to run as its users run it: the waiting policy, and the
  /// search path that leads to our libtorch. A user who wants both to wait passively sets GOMP_SPINCOUNT.
  static func environment(_ ours: [String: String], libtorch: String) -> [String: String] {
    var environment = ours
    environment["OMP_WAIT_POLICY"] = nil
    let folder = (libtorch as NSString).deletingLastPathComponent
    for key in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
      guard let value = environment[key] else { continue }
      let rest = value.split(separator: ":").filter { URL(fileURLWithPath: String($0)).resolvingSymlinksInPath().path != folder }
      environment[key] = rest.isEmpty ? nil : rest.joined(separator: ":")
    }
    return environment
  }
}

/// Text lines from a pipe, each as soon as it is there.
private final class LineReader {
  private let handle: FileHandle
  private var rest = Data()

  init(_ handle: FileHandle) { self.handle = handle }

  /// nil at the end.
  func next() -> String? {
    while true {
      if let end = rest.firstIndex(of: 10) {
        defer { rest = Data(rest[(end + 1)...]) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      let more = handle.availableData
      if more.isEmpty { return nil }
      rest += more
    }
  }
}
