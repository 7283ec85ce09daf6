import Foundation

/// What the tests read off the text of Swift sources.
enum SourceText {
  /// A type's declaration with what stands after the colon, on as many lines as it takes.
  struct Declaration: Equatable {
    let name: String
    let isPublic: Bool
    let conformances: Set<String>
  }

  /// Types that are declared with conformances, and extensions that add some.
  static func declarations(in source: String) -> [Declaration] {
    // Foundation's search is compiled with optimisation, and nearly every file ends here.
    guard source.range(of: "Error", options: .literal) != nil else { return [] }
    let code = source.replacing(/\/\/[^\n]*/, with: "")
    let pattern =
      #/
      (?<access>public\s+|package\s+)? (?:final\s+|indirect\s+)* (?:struct|enum|class|actor|extension) \s+ (?<name>[\w.]+)
      (?:<[^>{]*>)? \s*:\s* (?<list>[^{]+?) (?:\swhere\s[^{]*)? \{
      /#
    return code.matches(of: pattern).map { match in
      let list = match.output.list.split(separator: ",").map { part in
        part.replacing(/@\w+/, with: "").trimmingCharacters(in: .whitespacesAndNewlines)
      }
      return Declaration(
        name: String(match.output.name.split(separator: ".").last ?? ""), isPublic: match.output.access?.hasPrefix("public") == true,
        conformances: Set(list))
    }
  }

  /// The registries that a source declares, each with the types that it lists: `A`, `B.Recipe` of
  /// `enum Registry: RecipeRegistry { static let all … = [A.self, B.Recipe.self] }`. Those of another registry that it adds to are
  /// not repeated.
  static func registries(in source: String) -> [(name: String, members: [String])] {
    guard source.range(of: ": RecipeRegistry", options: .literal) != nil else { return [] }
    let pattern = /enum (\w+): RecipeRegistry \{[\s\S]*?static let all[^=]*=([\s\S]*?)\n\}/
    return source.matches(of: pattern).map { match in
      (String(match.1), match.2.matches(of: /([\w.]+)\.self/).map { String($0.1) })
    }
  }

  /// The recipe name of a type: the string of the first `static let name` after its declaration. `A.Recipe` is looked for in A's.
  static func recipeName(of type: String, in source: String) -> String? {
    let parts = type.split(separator: ".").map(String.init)
    guard source.range(of: " \(parts[0])", options: .literal) != nil else { return nil }
    guard let declared = source.firstRange(ofDeclaration: parts[0]) else { return nil }
    var rest = source[declared.upperBound...]
    if parts.count > 1 {
      guard let inner = String(rest).firstRange(ofDeclaration: parts[1]) else { return nil }
      rest = Substring(String(rest)[inner.upperBound...])
    }
    return rest.firstMatch(of: /static (?:let|var) name(?:: String)?\s*(?:=|\{)\s*"(\w+)"/).map { String($0.1) }
  }

  /// The words after the program's name: the subcommands of the root command, by their `commandName` or else their type.
  static func commands(ofRoot root: String, in sources: [String]) -> [String]? {
    let all = sources.joined(separator: "\n")
    guard let declared = all.firstRange(ofDeclaration: root),
      let list = all[declared.upperBound...].firstMatch(of: /subcommands:\s*\[([^\]]*)\]/)
    else { return nil }
    return list.1.matches(of: /(\w+)\.self/).map { match in
      let type = String(match.1)
      guard let own = all.firstRange(ofDeclaration: type) else { return type.lowercased() }
      let body = all[own.upperBound...]
      let end = body.firstRange(of: /\n\}/)?.lowerBound ?? body.endIndex
      let configuration = body[..<end].firstMatch(of: /CommandConfiguration\(\s*commandName:\s*"([\w-]+)"/)
      return configuration.map { String($0.1) } ?? type.lowercased()
    }
  }
}

extension String {
  /// Where a type or an extension of this name is declared.
  fileprivate func firstRange(ofDeclaration name: String) -> Range<String.Index>? {
    firstRange(of: try! Regex("(?:struct|enum|class|extension)\\s+\(name)\\b"))
  }
}
