import Foundation

/// A folder of reference vectors: `$SFUMATO_REFERENCE`, else the selection that is kept with the tests.
struct ReferenceFolder {
  struct Set {
    let number: Int
    let folder: URL
    let manifests: [String]
  }
  let sets: [Set]

  init(_ url: URL) throws {
    let index = try JSON(contentsOf: url.appending(path: "index.json"))
    guard let entries = index["sets"]?.array, !entries.isEmpty else {
      throw ReferenceError("\(url.path)/index.json lists no sets")
    }
    sets = try entries.map { entry in
      guard let number = entry["set"]?.int, let folder = entry["folder"]?.string,
        let manifests = entry["manifests"]?.array?.compactMap(\.string), !manifests.isEmpty
      else { throw ReferenceError("\(url.path)/index.json: an entry is not understood: \(entry)") }
      return Set(number: number, folder: url.appending(path: folder), manifests: manifests)
    }
  }

  static func located() throws -> ReferenceFolder {
    if let path = ProcessInfo.processInfo.environment["SFUMATO_REFERENCE"], !path.isEmpty {
      return try ReferenceFolder(URL(filePath: path))
    }
    return try ReferenceFolder(selection)
  }

  /// The folder that is kept with the tests.
  static var selection: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/reference")
  }

  /// Everything that the folder holds of a set.
  func manifests(of number: Int) throws -> [Manifest] {
    guard let set = sets.first(where: { $0.number == number }) else { throw ReferenceError("the folder holds no set \(number)") }
    return try set.manifests.map { try Manifest(name: $0, set: number, folder: set.folder) }
  }
}
