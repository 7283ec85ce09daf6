import Foundation

/// A folder that goes away with the value that names it.
final class ScratchFolder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("workflows-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it, whose folder is made.
  func file(_ name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    return file
  }

  func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = try file(name)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}
