import Foundation

/// A Markdown document of the clone.
struct Document {
  let path: String
  let text: String

  /// - Throws: when there is no such document.
  init(_ path: String) throws {
    self.path = path
    text = try String(contentsOf: Checkout.root.appendingPathComponent(path), encoding: .utf8)
  }

  init(path: String, text: String) { (self.path, self.text) = (path, text) }

  /// The cells of every row of every table, without heads and rules.
  var rows: [[String]] {
    let lines = text.components(separatedBy: "\n")
    return lines.indices.compactMap { index in
      let isHead = index + 1 < lines.count && Self.isRule(lines[index + 1])
      guard lines[index].hasPrefix("|"), !Self.isRule(lines[index]), !isHead else { return nil }
      return lines[index].replacing("\\|", with: "\u{1}").split(separator: "|", omittingEmptySubsequences: false)
        .dropFirst().dropLast().map { $0.trimmingCharacters(in: .whitespaces).replacing("\u{1}", with: "|") }
    }
  }

  private static func isRule(_ line: String) -> Bool { line.wholeMatch(of: /\|[ :|\-]+\|/) != nil }

  /// What stands between single backticks, code blocks apart.
  static func code(in text: String) -> [String] {
    text.replacing(/```[\s\S]*?```/, with: "").matches(of: /`([^`\n]+)`/).map { String($0.1) }
  }

  /// Every file or folder that is named in backticks: with a slash, or with an ending that sources and documents have.
  var namedPaths: [String] {
    Self.code(in: text).filter { code in
      let isPath = code.wholeMatch(of: /[\w.+\-]+(\/[\w.+\-]+)*\/?/) != nil
      return isPath && (code.contains("/") || code.contains(/\.(swift|c|cpp|h|md|sh|py|yaml|docc)$/))
    }
  }

  /// The targets of links within the repository, from its root, without what stands after `#`.
  var linkedPaths: [String] {
    let folder = (path as NSString).deletingLastPathComponent
    return text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }.filter { !$0.contains(":") && !$0.hasPrefix("#") }.map { link in
      Self.resolved(String(link.prefix { $0 != "#" }), in: folder)
    }
  }

  /// A relative path from the root, without `..`.
  private static func resolved(_ link: String, in folder: String) -> String {
    (folder.split(separator: "/") + link.split(separator: "/")).reduce(into: [Substring]()) { path, part in
      if part == ".." { _ = path.popLast() } else if part != "." { path.append(part) }
    }.joined(separator: "/")
  }

  /// The lines of every fenced block of a language.
  func blocks(of language: String) -> [[String]] {
    var blocks: [[String]] = [], open: [String]?, isWanted = false
    for line in text.components(separatedBy: "\n") {
      if line.hasPrefix("```") {
        if let block = open, isWanted { blocks.append(block) }
        open = open == nil ? [] : nil
        isWanted = line == "```\(language)"
      } else {
        open?.append(line)
      }
    }
    return blocks
  }
}
