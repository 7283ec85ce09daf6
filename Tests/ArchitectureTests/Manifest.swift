/// The targets of `Package.swift`, read from its text: asking SwiftPM while it runs the tests would wait for its lock.
struct Manifest {
  struct Target {
    let name: String
    let isTest: Bool
    /// Targets of ours and products of others.
    let dependencies: Set<String>
  }

  let targets: [Target]

  init(_ source: String) {
    let text = source.replacing(/\/\/[^\n]*/, with: "")
    let products = Self.namedProducts(in: text)
    var targets: [Target] = []
    var rest = text[...]
    while let call = rest.firstMatch(of: /\.(target|executableTarget|systemLibrary|testTarget|macro|plugin)\(/) {
      let arguments = Self.balanced(rest[call.range.upperBound...])
      if let name = arguments.firstMatch(of: /name:\s*"(\w+)"/) {
        let dependencies = Self.dependencies(in: arguments, products: products)
        // A program below Tests serves the tests alone; one below Examples stands for programs of others.
        let isTest = call.1 == "testTarget" || arguments.contains(/path:\s*"(Tests|Examples)\//)
        targets.append(Target(name: String(name.1), isTest: isTest, dependencies: dependencies))
      }
      rest = rest[arguments.endIndex...]
    }
    self.targets = targets
  }

  /// `let logging = Target.Dependency.product(name: "Logging", …)`, by the constant's name.
  private static func namedProducts(in text: String) -> [String: String] {
    let pairs = text.matches(of: /let (\w+) = Target\.Dependency\.product\(name:\s*"(\w+)"/).map { (String($0.1), String($0.2)) }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  private static func dependencies(in arguments: Substring, products: [String: String]) -> Set<String> {
    guard let label = arguments.firstMatch(of: /dependencies:\s*\[/) else { return [] }
    let list = balanced(arguments[label.range.upperBound...])
      .replacing(/\.\w+\(\s*name:\s*"(\w+)"[^)]*\)/) { "\"\($0.1)\"" }
    let written = list.matches(of: /"(\w+)"|\b(\w+)\b/).map { match in
      match.1.map(String.init) ?? products[String(match.2 ?? "")] ?? String(match.2 ?? "")
    }
    return Set(written)
  }

  /// The text up to the bracket that closes what was opened before it.
  private static func balanced(_ text: Substring) -> Substring {
    var depth = 1
    var inString = false
    for index in text.indices {
      switch text[index] {
      case "\"": inString.toggle()
      case "(" where !inString, "[" where !inString: depth += 1
      case ")" where !inString, "]" where !inString: depth -= 1
      default: break
      }
      if depth == 0 { return text[..<index] }
    }
    return text
  }
}
