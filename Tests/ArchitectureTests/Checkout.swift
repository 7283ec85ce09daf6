import Foundation

/// The files of the clone that the tests were built in.
enum Checkout {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  struct File {
    /// From the root, as in `Sources/NN/Linear.swift`.
    let path: String

    var url: URL { Checkout.root.appendingPathComponent(path) }
    var type: String { url.pathExtension }
    /// Nil where the file is not text.
    var text: String? { try? String(contentsOf: url, encoding: .utf8) }
    var isSource: Bool { ["swift", "c", "cpp", "h", "sh", "py", "modulemap"].contains(type) || path == "dev" }
    var isProse: Bool { ["md", "yaml", "yml", "txt", "json"].contains(type) }

    /// `NN` of `Sources/NN/Linear.swift`.
    var target: String? {
      let parts = path.split(separator: "/")
      return parts.first == "Sources" && parts.count > 2 ? String(parts[1]) : nil
    }
  }

  /// What is committed or would be, by the next `git add`; without git, what lies in the folders of the project.
  static let files: [File] = {
    let listed = (try? git("ls-files", "-z", "--cached", "--others", "--exclude-standard")) ?? ""
    let paths = listed.isEmpty ? walk() : listed.split(separator: "\0").map(String.init)
    return paths.map(File.init).filter { FileManager.default.fileExists(atPath: $0.url.path) }
  }()

  private static func git(_ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git", "-C", root.path] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : ""
  }

  private static func walk() -> [String] {
    ["Sources", "Tests", "Examples", "docs", "models", "recipes", "scripts"].flatMap { folder in
      let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)?.compactMap { $0 as? String } ?? []
      return names.filter { !$0.contains(".build") }.map { "\(folder)/\($0)" }
    } + ["Package.swift", "dev"]
  }
}
