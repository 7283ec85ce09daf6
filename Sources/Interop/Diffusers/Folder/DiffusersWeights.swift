import Checkpoints
import Failures
import Foundation
import Tensors

/// The weights of a network in a diffusers folder: one file, or several with an index that says which tensor lies in which.
struct DiffusersWeights {
  static let name = "diffusion_pytorch_model"

  /// The file of the weights, or the first of several.
  var path: String { files[0] }
  /// The files, in the order of their names.
  let files: [String]
  /// The file of each tensor, of weights in several.
  private let map: [String: String]?

  /// Finds the weights: safetensors before PyTorch's, one file before several, and those without a variant's name before the only
  /// ones with.
  /// - Throws: `CheckpointError` naming what is missing, ambiguous, or not an index.
  init(in folder: String) throws {
    let contents = Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    for ending in ["safetensors", "bin"] {
      if contents.contains("\(Self.name).\(ending)") {
        self.init(file: "\(folder)/\(Self.name).\(ending)")
        return
      }
      let index = "\(Self.name).\(ending).index.json"
      if contents.contains(index) {
        try self.init(index: "\(folder)/\(index)", ending, in: folder)
        return
      }
    }
    self = try Self.variant(in: folder, contents)
  }

  private init(file: String) { (files, map) = ([file], nil) }

  /// diffusers' variants: `diffusion_pytorch_model.fp16.safetensors`, `diffusion_pytorch_model.safetensors.index.fp16.json`.
  private static func variant(in folder: String, _ contents: Set<String>) throws -> Self {
    for ending in ["safetensors", "bin"] {
      let whole = contents.filter { $0.hasPrefix("\(name).") && $0.hasSuffix(".\(ending)") && !$0.contains("-of-") }
      let indices = contents.filter { $0.hasPrefix("\(name).\(ending).index.") && $0.hasSuffix(".json") }
      let found = whole.union(indices).sorted()
      guard found.count < 2 else {
        throw CheckpointError(
          .ambiguous, "\(folder)/\(name).\(ending)",
          "is missing, and there are several variants of it, \(found.joined(separator: ", ")); leave one of them there")
      }
      if let file = whole.first { return Self(file: "\(folder)/\(file)") }
      if let index = indices.first { return try Self(index: "\(folder)/\(index)", ending, in: folder) }
    }
    if let part = contents.first(where: { $0.hasPrefix(name) && $0.contains("-of-") }) {
      throw CheckpointError(
        .missing, "\(folder)/\(name).safetensors.index.json", "is missing, and \(part) is one of several files that it lists")
    }
    throw CheckpointError(.missing, "\(folder)/\(name).safetensors", "is missing, and so is \(name).bin")
  }

  // MARK: Several files

  private static let largestIndex = 1 << 24, mostFiles = 1000

  private init(index path: String, _ ending: String, in folder: String) throws {
    let object = try SmallJSON.object(path, limit: Self.largestIndex)
    guard let map = object["weight_map"] as? [String: String], !map.isEmpty else {
      throw CheckpointError(.invalid, path, "is not an index: expected a 'weight_map' from the names of tensors to those of files")
    }
    let names = Set(map.values).sorted()
    guard names.count <= Self.mostFiles else {
      throw CheckpointError(.invalid, path, "lists \(names.count) files; expected at most \(Self.mostFiles)")
    }
    for file in names {
      guard Self.isName(file, ending) else {
        throw CheckpointError(
          .invalid, path, "lists '\(file.prefix(80))'; expected names of files beside it, \(Self.name)….\(ending)")
      }
      guard FileManager.default.fileExists(atPath: "\(folder)/\(file)") else {
        throw CheckpointError(.missing, "\(folder)/\(file)", "is missing, and \((path as NSString).lastPathComponent) lists it")
      }
    }
    files = names.map { "\(folder)/\($0)" }
    self.map = map.mapValues { "\(folder)/\($0)" }
  }

  /// Whether an index may list a file: a name of weights without a folder.
  private static func isName(_ file: String, _ ending: String) -> Bool {
    file.hasPrefix(name) && file.hasSuffix(".\(ending)") && file.utf8.count <= 255
      && !file.contains { $0 == "/" || $0 == "\\" || $0 == "\0" }
  }

  // MARK: Reading

  /// Every tensor, under its name in the files.
  /// - Throws: `CheckpointError` for a tensor that is not in the file that the index names; what reading the files throws.
  func read() throws -> StateDict {
    var state = StateDict()
    for file in files {
      let part = file.hasSuffix(".safetensors") ? try Safetensors.read(file).state : try PyTorchFile.read(file).state
      guard let map else { return part }
      for (name, tensor) in part.entries where map[name] == file { state[name] = tensor }
    }
    for (name, file) in map ?? [:] where state[name] == nil {
      throw CheckpointError(.invalid, file, "does not hold \(name.prefix(80)), which the index says that it does")
    }
    return state
  }
}
