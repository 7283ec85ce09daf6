import Checkpoints
import Foundation
import Tensors

/// Manifests of files that hold the tensors of another: `same_as` names it, or, for each member of a nested file, `members`.
extension Manifest {
  /// What a file must hold: its tensors, all of them exact, under `member/name` where it is nested.
  struct Held {
    var entries: [Entry] = []
    var state = StateDict()
  }

  /// Nil for a manifest of another kind.
  static func held(_ members: [String: JSON], in folder: URL, name: String) throws -> Held? {
    if let file = members["same_as"]?.string {
      return try held(file, in: folder, name: name) {
        $0
      } factor: {
        $0
      }
    }
    guard let nested = members["members"]?.object else { return nil }
    var all = Held()
    for (member, description) in nested.sorted(by: { $0.key < $1.key }) {
      let known: Swift.Set = ["same_as", "name_prefix", "factor"]
      guard let object = description.object, known.isSuperset(of: object.keys), let file = object["same_as"]?.string else {
        throw ReferenceError("\(name): member '\(member)' is not understood: \(description)")
      }
      let prefix = object["name_prefix"]?.string ?? "", factor = object["factor"]?.number
      let part = try held(file, in: folder, name: name) {
        "\(member)/\(prefix)\($0)"
      } factor: { x in
        factor.map { $0 * x } ?? x
      }
      all.entries += part.entries
      all.state = all.state.merging(part.state)
    }
    return all
  }

  private static func held(
    _ file: String, in folder: URL, name: String, rename: (String) -> String, factor: (Tensor) -> Tensor
  ) throws -> Held {
    let path = folder.appending(path: file).path
    let contents = try Safetensors.read(path).state
    let exact = JSON.object(["atol": .number(0), "rtol": .number(0)])
    let entries = try Safetensors.header(of: path).entries.map { entry in
      Entry(
        name: rename(entry.name), shape: entry.shape, type: entry.type, role: .output,
        tolerance: try Tolerance(exact, shape: entry.shape, of: "\(name): \(entry.name)"))
    }
    return Held(entries: entries, state: StateDict(contents.entries.map { (rename($0.name), factor($0.tensor)) }))
  }
}
