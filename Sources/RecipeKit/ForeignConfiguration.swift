/// The configuration of another program, in YAML, read key by key: keys that were never read can be listed for the user.
package final class ForeignConfiguration {
  private let root: YAMLValue
  private let file: String
  private var taken: Set<String> = []

  /// - Throws: `RecipeError` for a file that does not exist, is not YAML, is too large, or is empty.
  package init(file: String) throws(RecipeError) {
    guard let root = try YAMLValue(yaml: RecipeSections.text(of: file), file: file), root.entries?.isEmpty == false else {
      throw RecipeError(place: file, "expected sections of keys and values, found none")
    }
    (self.root, self.file) = (root, file)
  }

  // MARK: Values; nil where nothing is given

  package func text(_ path: String) throws(RecipeError) -> String? {
    guard let value = take(path) else { return nil }
    guard case .scalar(let text, _) = value.content else { throw problem(path, "expected text") }
    return text
  }

  package func number(_ path: String) throws(RecipeError) -> Double? {
    guard let text = try text(path) else { return nil }
    guard let number = ValueDecoder.parseNumber(text), number.isFinite else { throw problem(path, "expected a number") }
    return number
  }

  package func integer(_ path: String) throws(RecipeError) -> Int? {
    guard let number = try number(path) else { return nil }
    guard let whole = Int(exactly: number) else { throw problem(path, "expected a whole number") }
    return whole
  }

  package func flag(_ path: String) throws(RecipeError) -> Bool? {
    switch try text(path)?.lowercased() {
    case nil: nil
    case "true", "yes", "on": true
    case "false", "no", "off": false
    default: throw problem(path, "expected true or false")
    }
  }

  /// The texts of a list; a single text is a list of one.
  package func texts(_ path: String) throws(RecipeError) -> [String]? {
    guard let value = take(path) else { return nil }
    let elements: [YAMLValue]
    if case .list(let list) = value.content { elements = list } else { elements = [value] }
    var texts: [String] = []
    for element in elements {
      guard case .scalar(let text, _) = element.content else { throw problem(path, "expected a list of texts or numbers") }
      texts.append(text)
    }
    return texts
  }

  package func numbers(_ path: String) throws(RecipeError) -> [Double]? {
    guard let texts = try texts(path) else { return nil }
    var numbers: [Double] = []
    for text in texts {
      guard let number = ValueDecoder.parseNumber(text), number.isFinite else { throw problem(path, "expected numbers") }
      numbers.append(number)
    }
    return numbers
  }

  /// The keys of a section, in their order.
  package func keys(_ path: String) -> [String] { find(path)?.entries?.map(\.key) ?? [] }

  /// Whether a key is given, whatever its value.
  package func has(_ path: String) -> Bool { find(path).map { !$0.isNull } ?? false }

  // MARK: What is not taken

  /// Leaves out keys on purpose, with all below them.
  package func leaveOut(_ paths: String...) { for path in paths { leftAside.insert(path) } }
  private var leftAside: Set<String> = []

  /// Where a key stands: `file:line`.
  package func place(_ path: String) -> String { find(path)?.place ?? file }

  /// An error at a key.
  package func problem(_ path: String, _ expected: String) -> RecipeError {
    let value = find(path)
    return RecipeError(place: place(path), path: path, "\(expected), found \(value?.summary ?? "nothing")")
  }

  /// The keys with values that nobody asked for and that were not left aside: `file:line: path`.
  package var unread: [String] { leaves().filter { !isLeftAside($0.path) }.map { "\($0.place): \($0.path)" } }

  /// Those that were left aside.
  package var leftOut: [String] { leaves().filter { isLeftAside($0.path) }.map { "\($0.place): \($0.path)" } }

  private func isLeftAside(_ path: String) -> Bool { leftAside.contains { path == $0 || path.hasPrefix($0 + ".") } }

  private func leaves() -> [(path: String, place: String)] {
    var result: [(path: String, place: String)] = []
    func walk(_ value: YAMLValue, _ path: String) {
      guard !taken.contains(path), !value.isNull else { return }
      guard case .section(let entries) = value.content else { return result.append((path, value.place)) }
      for entry in entries { walk(entry.value, path.isEmpty ? entry.key : "\(path).\(entry.key)") }
    }
    walk(root, "")
    return result
  }

  private func take(_ path: String) -> YAMLValue? {
    taken.insert(path)
    return find(path).flatMap { $0.isNull ? nil : $0 }
  }

  private func find(_ path: String) -> YAMLValue? {
    path.split(separator: ".").reduce(Optional(root)) { $0?[String($1)] }
  }
}
