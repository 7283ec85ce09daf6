import Foundation

/// Finds the PyTorch side of a benchmark.
struct BenchmarkSearch {
  var environment = ProcessInfo.processInfo.environment
  var program = Bundle.main.executablePath ?? CommandLine.arguments[0]
  var workingFolder = FileManager.default.currentDirectoryPath

  /// `$SFUMATO_PYTHON`, otherwise the first `python3` on the search path.
  var python: String? {
    if let chosen = environment["SFUMATO_PYTHON"], !chosen.isEmpty { return chosen }
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    return folders.lazy.map { "\($0)/python3" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// `scripts/bench_pytorch.py` in a folder above the program, or in the working folder or one above it.
  var script: String? { script(named: "bench_pytorch.py") }

  /// A script in `scripts/` of a folder above the program, or of the working folder or one above it.
  func script(named name: String) -> String? {
    let real = URL(fileURLWithPath: program).resolvingSymlinksInPath().path
    let folders = Self.ancestors(of: real) + [workingFolder] + Self.ancestors(of: workingFolder)
    return folders.lazy.map { "\($0)/scripts/\(name)" }.first { FileManager.default.isReadableFile(atPath: $0) }
  }

  /// The models and recipes of the nearest folder above the program, or of the working folder or one above it, that has `recipes/`: their
  /// paths in the order of their names, models first; empty where there is none.
  var shipped: [String] {
    let real = URL(fileURLWithPath: program).resolvingSymlinksInPath().path, files = FileManager.default
    let folders = Self.ancestors(of: real) + [workingFolder] + Self.ancestors(of: workingFolder)
    guard let folder = folders.first(where: { files.fileExists(atPath: "\($0)/recipes") }) else { return [] }
    func list(_ name: String, _ ending: String) -> [String] {
      let names = (try? files.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? []
      return names.filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\(name)/\($0)" }
    }
    return list("models", ".safetensors") + list("recipes", ".yaml")
  }

  private static func ancestors(of path: String) -> [String] {
    let parts = path.split(separator: "/").dropLast()
    return parts.indices.reversed().map { "/" + parts[...$0].joined(separator: "/") }
  }

  /// What to do when PyTorch is not found.
  static let advice =
    "set SFUMATO_PYTHON to a Python that can import torch: "
    + "python3 -m venv torch && torch/bin/pip install torch && export SFUMATO_PYTHON=$PWD/torch/bin/python"
}
