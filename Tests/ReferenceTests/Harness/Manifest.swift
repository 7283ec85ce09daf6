import Checkpoints
import Foundation
import Tensors

/// What was recorded in one file, and how.
struct Manifest {
  /// What is said of one tensor.
  struct Entry {
    enum Role: String { case input, output, intermediate, weight }
    let name: String
    let shape: [Int]
    let type: SafetensorsHeader.ElementType
    let role: Role
    let tolerance: Tolerance?

    /// Whether it is to be reproduced.
    var isWanted: Bool { role == .output || role == .intermediate }
  }

  /// The file's name, such as `linear_100.json`.
  let name: String
  let set: Int
  /// The folder of the set.
  let folder: URL
  let members: [String: JSON]
  /// Sorted by name.
  let entries: [Entry]
  private let contents: StateDict

  init(name: String, set: Int, folder: URL) throws {
    self.name = name
    self.set = set
    self.folder = folder
    guard let members = try JSON(contentsOf: folder.appending(path: name)).object else { throw ReferenceError("\(name): no object") }
    guard members["manifest_version"]?.int == 1 else { throw ReferenceError("\(name): the manifest's version is not 1") }
    self.members = members
    if let held = try Self.held(members, in: folder, name: name) {
      (entries, contents) = (held.entries.sorted { $0.name < $1.name }, held.state)
      return
    }
    entries = try (members["tensors"]?.object ?? [:]).sorted { $0.key < $1.key }
      .map { try Entry(name: $0.key, $0.value, of: name) }
    contents = entries.isEmpty ? StateDict() : try Self.read(members["file"], beside: folder, for: name)
    try checkFile()
  }

  private static func read(_ file: JSON?, beside folder: URL, for name: String) throws -> StateDict {
    guard let file = file?.string else { throw ReferenceError("\(name): tensors without a file") }
    return try Safetensors.read(folder.appending(path: file).path).state
  }

  /// The file holds just what the manifest says.
  private func checkFile() throws {
    let listed = Swift.Set(entries.map(\.name)), held = Swift.Set(contents.names)
    guard listed == held else {
      throw ReferenceError("\(name): the file and the manifest differ in \(listed.symmetricDifference(held).sorted())")
    }
    for entry in entries where contents[entry.name]?.shape != entry.shape {
      throw ReferenceError("\(name): \(entry.name) has another shape than the manifest says, \(entry.shape)")
    }
  }

  /// A tensor of the file.
  func tensor(_ name: String) throws -> Tensor {
    guard let tensor = contents[name] else { throw ReferenceError("\(self.name): there is no tensor '\(name)'") }
    return try tensor.validated()
  }

  /// All tensors of another file beside it, such as the one that `weights` names.
  func stateDict(_ file: String) throws -> StateDict { try Safetensors.read(folder.appending(path: file).path).state }

  var config: [String: JSON] { members["config"]?.object ?? [:] }
  /// The class of the reference that made it, where one is named.
  var kind: String? { config["class"]?.string ?? members["reference"]?.array?.first?.string }
  var cases: [JSON] { members["cases"]?.array ?? [] }
  /// What must be refused; in a manifest that holds nothing else, it stands among the cases.
  var errorCases: [JSON] { members["error_cases"]?.array ?? cases.filter { entries.isEmpty && $0["raises"] != nil } }

  /// Members that say where a manifest comes from and are for reading.
  private static let common: Swift.Set<String> = [
    "manifest_version", "set", "set_number", "file", "title", "variant", "master_seed", "environment", "reference", "config",
    "comparison", "notes", "tensors",
  ]

  /// Refuses a manifest that says more than is understood.
  /// - Parameter members: those that the set makes use of, besides the common ones.
  func requireMembers(_ members: Swift.Set<String>) throws {
    let unknown = Swift.Set(self.members.keys).subtracting(Self.common).subtracting(members)
    if !unknown.isEmpty { throw ReferenceError("\(name): members that are not understood: \(unknown.sorted())") }
  }
}

extension Manifest.Entry {
  private static let known: Set<String> = [
    "shape", "dtype", "role", "meaning", "source", "atol", "rtol", "atol_rows", "atol_columns", "leave_out",
  ]

  fileprivate init(name: String, _ json: JSON, of manifest: String) throws {
    let unknown = Set((json.object ?? [:]).keys).subtracting(Self.known)
    guard unknown.isEmpty, let shape = json["shape"]?.ints,
      let type = json["dtype"]?.string.flatMap({ SafetensorsHeader.ElementType(rawValue: $0) }),
      let role = json["role"]?.string.flatMap({ Role(rawValue: $0) })
    else { throw ReferenceError("\(manifest): tensor '\(name)' is not understood: \(json)") }
    self.name = name
    self.shape = shape
    self.type = type
    self.role = role
    tolerance = try role == .output || role == .intermediate ? Tolerance(json, shape: shape, of: "\(manifest): \(name)") : nil
  }
}
