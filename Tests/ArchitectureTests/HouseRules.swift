import Foundation

/// What holds for every file that is committed.
enum HouseRules {
  static let mostLines = 500
  static let mostBytes = 9_000_000

  /// Unfinished work, and folders of the machine that somebody worked on. Each is put together here, for this file is read too.
  private static let unwanted: [(word: String, reason: String)] =
    ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "for" + " now"].map { ($0, "unfinished work goes into an issue") }
    + ["wo" + "rk", "tm" + "p", "ro" + "ot"].map { ("/" + $0 + "/", "a folder of one machine") }

  static func complaints(aboutText text: String, of path: String) -> [String] {
    // Foundation's search is compiled with optimisation, and nearly every file ends here.
    guard unwanted.contains(where: { text.range(of: $0.word, options: .literal) != nil }) else { return [] }
    var found: [String] = []
    for (index, line) in text.components(separatedBy: "\n").enumerated() {
      for (word, reason) in unwanted where contains(line, word) {
        found.append("\(path):\(index + 1): '\(word)': \(reason)")
      }
    }
    return found
  }

  /// Whether the word is separate, not a part of a longer one or of a longer path.
  private static func contains(_ line: String, _ word: String) -> Bool {
    line.ranges(of: word).contains { range in
      let before = line[..<range.lowerBound].last
      let after = line[range.upperBound...].first
      let startsInside = before.map { $0.isLetter || $0.isNumber || "_.$})*".contains($0) } ?? false
      let endsInside = word.last != "/" && (after.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false)
      return !startsInside && !endsInside
    }
  }

  static func complaints(aboutLines count: Int, of path: String) -> [String] {
    count > mostLines ? ["\(path): \(count) lines; at most \(mostLines): one idea a file"] : []
  }

  static func complaints(aboutBytes count: Int, of path: String) -> [String] {
    count > mostBytes ? ["\(path): \(count) bytes; at most \(mostBytes) are committed in one file"] : []
  }

  /// Only the programs of the top level talk to standard output.
  static func complaints(aboutPrintingIn text: String, of path: String) -> [String] {
    text.components(separatedBy: "\n").enumerated().compactMap { index, line in
      guard line.contains("rint(") || line.contains("dump(") else { return nil }
      let code = line.replacing(/\/\/.*/, with: "")
      return code.contains(/(^|[^\w.])(print|debugPrint|dump)\(/) ? "\(path):\(index + 1): only CLI and Studio print" : nil
    }
  }
}
