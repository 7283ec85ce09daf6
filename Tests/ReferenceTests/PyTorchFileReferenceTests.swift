import Checkpoints
import Foundation
import Tensors
import Testing

/// What the library reads of a file of `torch.save`, for a manifest that says what it holds.
enum PyTorchFileReproduction {
  /// Nil for a manifest of another kind.
  static func reproduce(_ manifest: Manifest) throws -> Reproduction? {
    let isNested = manifest.members["members"] != nil
    guard isNested || manifest.members["same_as"] != nil else { return nil }
    try manifest.requireMembers(["container", "structure", "same_as", "equals", "members", "rule"])
    guard let file = manifest.members["file"]?.string else { throw ReferenceError("\(manifest.name): no file") }
    let path = manifest.folder.appending(path: file).path
    var reproduction = Reproduction()
    let whole = try PyTorchFile.read(path)
    if isNested {
      let members = manifest.members["members"]?.object?.keys.sorted() ?? []
      guard let chosen = whole.member, members.contains(chosen) else {
        throw ReferenceError("\(manifest.name): the member read is \(whole.member ?? "none"), expected one of \(members)")
      }
      try check(manifest.members["structure"], whole.rest, of: manifest)
      for member in members {
        for (name, tensor) in try PyTorchFile.read(path, member: member).state.entries {
          reproduction.tensors["\(member)/\(name)"] = tensor
        }
      }
    } else {
      for (name, tensor) in whole.state.entries { reproduction.tensors[name] = tensor }
    }
    for entry in manifest.entries {
      let found = reproduction.tensors[entry.name]?.dtype, expected = try dtype(of: entry, manifest)
      guard found == nil || found == expected else { throw ReferenceError("\(entry.name) is \(found!), expected \(expected)") }
    }
    return reproduction
  }

  /// The numbers beside the tensors, where the structure tells them.
  private static func check(_ structure: JSON?, _ rest: [(name: String, value: PyTorchValue)], of manifest: Manifest) throws {
    for (name, json) in structure?.object ?? [:] {
      let value = rest.first { $0.name == name }?.value
      for (key, number) in json.object ?? ["": json] {
        guard let expected = number.number else { continue }
        let found = key.isEmpty ? value?.number : value?[key]?.number
        guard found == expected else {
          throw ReferenceError("\(manifest.name): \(name) \(key) is \(String(describing: found)), expected \(expected)")
        }
      }
    }
  }

  /// The dtype in the file: safetensors' own, unless the manifest beside it says that another stands for it there.
  private static func dtype(of entry: Manifest.Entry, _ manifest: Manifest) throws -> DType {
    guard let other = manifest.members["same_as"]?.string else { return try manifest.tensor(entry.name).dtype }
    let json = try JSON(contentsOf: manifest.folder.appending(path: other.replacing(".safetensors", with: ".json")))
    let said = json["tensors"]?[entry.name]?["meaning"]?.string.flatMap(DType.init(rawValue:))
    return try said ?? manifest.tensor(entry.name).dtype
  }
}

/// The files of set 4 that PyTorch wrote, apart from the networks: a suite of their own says when just they fail.
@Suite("Reference PyTorch files (set 4)") struct ReferencePyTorchFileTests {
  @Test func everyTensorOfEveryFileIsReproduced() throws {
    var examination = (compared: 0, wanted: 0)
    for manifest in try ReferenceFolder.located().manifests(of: 4) {
      guard let reproduction = try PyTorchFileReproduction.reproduce(manifest) else { continue }
      let one = Examination(manifest, reproduction)
      examination.compared += one.compared
      examination.wanted += one.wanted
      for complaint in one.complaints { Issue.record(Comment(rawValue: complaint)) }
    }
    print("Reference PyTorch files: compared \(examination.compared) of \(examination.wanted)")
    #expect(examination.compared == examination.wanted && examination.wanted > 0)
  }
}
