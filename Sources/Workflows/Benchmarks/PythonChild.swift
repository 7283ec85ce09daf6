import Failures
import Foundation
import Tensors

/// A Python program in a child process that answers requests, one line of JSON each way.
final class PythonChild {
  /// Its first message, which describes it.
  let hello: [String: Any]
  private let process: Process
  private let requests: FileHandle
  private let answers: LineReader
  private var hasEnded = false

  /// Why there is nothing to compare with.
  struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// - Parameters:
  ///   - script: the program to run.
  ///   - setup: the JSON object to pass to it.
  /// - Throws: `Problem`, with the program's own message if it gives one.
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
    if let failure = hello["failure"] as? String {
      process.terminate()
      throw Problem(failure)
    }
    (self.process, self.answers, self.hello) = (process, answers, hello)
    requests = input.fileHandleForWriting
    #if os(macOS)
      _ = fcntl(requests.fileDescriptor, F_SETNOSIGPIPE, 1)
    #endif
  }

  deinit {
    try? requests.close()
    if process.isRunning { process.terminate() }
  }

  /// - Throws: `Problem` when the process has ended or reports a failure.
  func ask(_ request: [String: Any]) throws -> [String: Any] {
    guard !hasEnded else { throw Self.ended }
    do {
      let line = try JSONSerialization.data(withJSONObject: request) + Data("\n".utf8)
      try Self.withoutPipeSignal { try requests.write(contentsOf: line) }
    } catch {
      hasEnded = true
    }
    guard !hasEnded, let line = answers.next() else {
      hasEnded = true
      throw Self.ended
    }
    guard let answer = Self.object(line) else { throw Problem("unexpected answer") }
    if let failure = answer["failure"] as? String { throw Problem(failure) }
    return answer
  }

  /// Writing to a process that has ended raises SIGPIPE, which would end a program that does not ignore it; here it is an error.
  private static func withoutPipeSignal(_ body: () throws -> Void) rethrows {
    var pipe = sigset_t(), before = sigset_t()
    sigemptyset(&pipe)
    sigaddset(&pipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &pipe, &before)
    defer {
      #if os(Linux)
        var noTime = timespec()
        while sigtimedwait(&pipe, nil, &noTime) == SIGPIPE {}
      #endif
      pthread_sigmask(SIG_SETMASK, &before, nil)
    }
    try body()
  }

  private static let ended = Problem("the process has ended")

  private static func object(_ line: String) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
  }

  /// Removes what our launcher sets, so that PyTorch runs as its users run it: how threads wait, and the search path of our
  /// libtorch. To make both wait passively, set GOMP_SPINCOUNT=0.
  static func environment(_ ours: [String: String], libtorch: String) -> [String: String] {
    var environment = ours
    // The launcher sets both, or neither if the user set one.
    if ours["OMP_WAIT_POLICY"] == "PASSIVE", ours["GOMP_SPINCOUNT"] == "1000" { environment["GOMP_SPINCOUNT"] = nil }
    environment["OMP_WAIT_POLICY"] = nil
    let folder = libtorch.parentFolder
    for key in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
      guard let value = environment[key] else { continue }
      let rest = value.split(separator: ":").filter { URL(fileURLWithPath: String($0)).resolvingSymlinksInPath().path != folder }
      environment[key] = rest.isEmpty ? nil : rest.joined(separator: ":")
    }
    return environment
  }
}

/// Text lines from a pipe, each as soon as it is complete.
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
