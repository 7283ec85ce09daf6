import Foundation
import Tensors
import Training

/// PyTorch in a child process, which times the same network on request.
///
/// The program is `scripts/bench_pytorch.py`, which documents the protocol: one line of JSON each way.
final class BenchmarkPeer {
  let facts: BenchmarkReport.PyTorch
  let parameters: Int
  private let child: PythonChild

  typealias Problem = PythonChild.Problem

  /// - Parameters:
  ///   - python: a Python with torch.
  ///   - script: the program to run.
  ///   - setup: the JSON object to pass to it.
  /// - Throws: `Problem`.
  init(python: String, script: String, setup: [String: Any]) throws {
    child = try PythonChild(python: python, script: script, setup: setup)
    let hello = child.hello
    guard let version = hello["torch"] as? String, let number = hello["python"] as? String, let parameters = hello["parameters"] as? Int
    else { throw Problem("unexpected answer from \(python)") }
    facts = BenchmarkReport.PyTorch(executable: python, version: version, python: number)
    self.parameters = parameters
  }

  enum Mode: String { case eager, compiled }

  /// Times `count` runs after an untimed one.
  func measure(
    _ workload: BenchmarkReport.Workload, _ precision: Precision, _ mode: Mode, count: Int
  ) -> BenchmarkReport.PyTorchTimes {
    let request: [String: Any] = ["workload": workload.rawValue, "precision": precision.rawValue, "mode": mode.rawValue, "count": count]
    do {
      let answer = try child.ask(request)
      guard let seconds = answer["seconds"] as? [Double] else { throw Problem("unexpected answer") }
      return BenchmarkReport.PyTorchTimes(times: .init(seconds), preparation: answer["preparation"] as? Double ?? 0)
    } catch {
      return BenchmarkReport.PyTorchTimes(failure: "\(error)")
    }
  }
}
