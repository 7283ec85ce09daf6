import Foundation

/// A folder that goes away with the value that names it.
package final class ScratchFolder {
  package let path = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-tests-\(UUID().uuidString)").path

  package init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it, whose folder is made.
  package func file(_ name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    return file
  }

  package func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

  package func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = try file(name)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}
