import Foundation

/// One import of a Swift source: `@testable internal import struct Tensors.Tensor`.
struct ImportStatement: Equatable {
  let module: String
  /// Whether the module stays out of the importing module's interface.
  let isInternal: Bool
  let isExported: Bool
  /// The line it is on, counted from 1.
  var line = 1

  /// The statement in a piece of source without line breaks; nil when it is something else.
  init?(_ source: some StringProtocol) {
    let source = String(source)
    let attribute = /@\w+(\([^)]*\))?/
    isExported = source.contains(/^\s*@_exported\b/) || source.contains(/@_exported\b.*\bimport\b/)
    let words = source.replacing(attribute, with: " ").split(whereSeparator: \.isWhitespace)
    guard let keyword = words.firstIndex(of: "import"), words.count > keyword + 1 else { return nil }
    let modifiers = words[..<keyword]
    guard modifiers.allSatisfy({ Self.accessLevels.contains(String($0)) }) else { return nil }
    isInternal = modifiers.contains { ["internal", "fileprivate", "private"].contains($0) }
    let isOfOneSymbol = Self.kinds.contains(String(words[keyword + 1])) && words.count > keyword + 2
    let path = words[keyword + (isOfOneSymbol ? 2 : 1)]
    module = path.prefix { $0 != "." }.filter { $0 != "`" }
  }

  /// Every import of a file. Comments are passed over.
  static func all(in source: String) -> [ImportStatement] {
    var found: [ImportStatement] = []
    for (index, line) in withoutBlockComments(source).components(separatedBy: "\n").enumerated() where line.contains("import") {
      for piece in line.replacing(/\/\/.*/, with: "").split(separator: ";") {
        guard var statement = ImportStatement(piece) else { continue }
        statement.line = index + 1
        found.append(statement)
      }
    }
    return found
  }

  /// Block comments removed, their line breaks kept.
  private static func withoutBlockComments(_ source: String) -> String {
    guard source.range(of: "/*", options: .literal) != nil else { return source }
    return source.replacing(/\/\*[\s\S]*?\*\//) { match in String(repeating: "\n", count: match.output.count { $0 == "\n" }) }
  }

  private static let accessLevels: Set = ["public", "package", "internal", "fileprivate", "private"]
  private static let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "macro"]
}
