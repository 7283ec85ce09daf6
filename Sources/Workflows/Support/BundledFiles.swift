import Foundation

/// What comes with the program: the files of `models/` and `recipes/` in the working folder, in the program's folder, or in one of the five
/// above it, as in a clone, an unpacked archive and an installation.
package enum BundledFiles {
  /// Name without `ending` to path; where several folders have a file of one name, the nearest counts.
  package static func named(in folder: String, ending: String, around places: [String] = places) -> [String: String] {
    var found: [String: String] = [:]
    for place in places {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(place)/\(folder)")) ?? []
      for name in names where name.hasSuffix(ending) {
        let key = String(name.dropLast(ending.count))
        if found[key] == nil { found[key] = "\(place)/\(folder)/\(name)" }
      }
    }
    return found
  }

  /// The working folder, then that of the program, with links resolved, and those above it.
  package static var places: [String] {
    var folders = [FileManager.default.currentDirectoryPath]
    var folder = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent()
    for _ in 0..<6 {
      folders.append(folder.path)
      folder.deleteLastPathComponent()
    }
    return folders
  }
}
