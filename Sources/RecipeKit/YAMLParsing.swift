import Foundation
internal import Yams

/// Text becomes values. Recipes travel inside checkpoints, so the text may be hostile: its size, depth and expansion are bounded.
extension YAMLValue {
  /// Words a line and a column, both from 1.
  fileprivate typealias Place = (Int, Int) -> String

  /// Bytes of YAML that are accepted.
  static let sizeLimit = 1 << 18
  private static let depthLimit = 64
  private static let countLimit = 50_000
  /// Eight aliases multiply what is written by twenty at most.
  private static let aliasLimit = 8

  /// - Parameter file: the name for messages.
  /// - Returns: nil for a text without content. Sections `x-…` at the outermost level, which hold anchors for the others, are left out.
  init?(yaml: String, file: String) throws(RecipeError) {
    // A byte order mark, which other editors write.
    let yaml = yaml.unicodeScalars.first == "\u{FEFF}" ? String(yaml.unicodeScalars.dropFirst()) : yaml
    try self.init(yaml: yaml, place: { line, _ in "\(file):\(line)" }, errorPlace: { "\(file):\($0):\($1)" }, whole: file)
    if case .section(let entries) = content { content = .section(entries.filter { !$0.key.hasPrefix("x-") }) }
  }

  /// `a.b=value` as the section that it stands for. Keys that take text are set to the value as it is typed, others to the YAML that
  /// it is.
  init(setting argument: String) throws(RecipeError) {
    let short = argument.count > 80 ? argument.prefix(80) + "…" : argument[...]
    let place = "--set \(short)"
    let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let keys = halves[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard halves.count == 2, keys.allSatisfy({ !$0.isEmpty }), keys.count <= Self.depthLimit else {
      throw RecipeError(place: place, "expected a key path, '=' and a value, such as training.batch_size=64")
    }
    let value = Self.settingValue(String(halves[1]), place)
    self = keys.reversed().reduce(value) { inner, key in
      YAMLValue(content: .section([Entry(key: key, keyPlace: place, value: inner)]), place: place, isSetting: true)
    }
  }

  private static func settingValue(_ text: String, _ place: String) -> YAMLValue {
    var value: YAMLValue
    do throws(RecipeError) {
      let given = try YAMLValue(yaml: text, place: { _, _ in place }, errorPlace: { _, _ in place }, whole: place)
      value = (given ?? YAMLValue(content: .scalar("", isQuoted: false), place: place)).asSetting
    } catch {
      value = YAMLValue(content: .unreadable(error), place: place, isSetting: true)
    }
    value.typed = text
    return value
  }

  private var asSetting: YAMLValue {
    var value = self
    value.isSetting = true
    switch content {
    case .scalar, .unreadable: break
    case .list(let elements): value.content = .list(elements.map(\.asSetting))
    case .section(let entries):
      value.content = .section(entries.map { Entry(key: $0.key, keyPlace: $0.keyPlace, value: $0.value.asSetting) })
    }
    return value
  }

  private init?(
    yaml: String, place: Place, errorPlace: Place, whole: String
  ) throws(RecipeError) {
    guard yaml.utf8.count <= Self.sizeLimit else {
      throw RecipeError(place: whole, "is too large for a recipe; expected at most \(Self.sizeLimit) bytes")
    }
    guard Self.countAliases(in: yaml) <= Self.aliasLimit else {
      throw RecipeError(place: whole, "more than \(Self.aliasLimit) YAML aliases (*name); write the values out")
    }
    let node: Node?
    do { node = try Yams.compose(yaml: yaml, .basic, .default, .utf8) } catch let error as YamlError {
      throw error.recipeError(whole: whole, place: place, errorPlace: errorPlace)
    } catch { throw RecipeError(place: whole, "the YAML cannot be read: \(error)") }
    guard let node else { return nil }
    var count = 0
    self = try Self.convert(node, depth: 0, count: &count, place: place)
  }

  /// An upper bound of the number of aliases.
  private static func countAliases(in yaml: String) -> Int {
    var count = 0
    var previous: UInt8 = 0
    for byte in yaml.utf8 {
      let isName = byte == 0x5F || byte == 0x2D || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
      if previous == 0x2A, isName { count += 1 }
      previous = byte
    }
    return count
  }

  private static func convert(_ node: Node, depth: Int, count: inout Int, place: Place) throws(RecipeError) -> YAMLValue {
    let here = place(node.mark?.line ?? 1, node.mark?.column ?? 1)
    count += 1
    guard depth <= depthLimit else { throw RecipeError(place: here, "nested deeper than \(depthLimit) levels") }
    guard count <= countLimit else { throw RecipeError(place: here, "more than \(countLimit) values") }
    switch node {
    case .scalar(let scalar):
      return YAMLValue(content: .scalar(scalar.string, isQuoted: ![.plain, .any].contains(scalar.style)), place: here)
    case .sequence(let sequence):
      var elements: [YAMLValue] = []
      for element in sequence { elements.append(try convert(element, depth: depth + 1, count: &count, place: place)) }
      return YAMLValue(content: .list(elements), place: here)
    case .mapping(let mapping): return try convert(mapping, at: here, depth: depth, count: &count, place: place)
    case .alias: throw RecipeError(place: here, "a YAML alias without its anchor")
    }
  }
}

extension YAMLValue {
  private static func convert(
    _ mapping: Node.Mapping, at here: String, depth: Int, count: inout Int, place: Place
  ) throws(RecipeError) -> YAMLValue {
    var entries: [Entry] = [], bases: [YAMLValue] = []
    for (key, node) in mapping {
      guard case .scalar(let name) = key else { throw RecipeError(place: here, "a key must be a word") }
      let keyPlace = name.mark.map { place($0.line, $0.column) } ?? here
      let value = try convert(node, depth: depth + 1, count: &count, place: place)
      if name.string == "<<", name.style == .plain || name.style == .any {
        bases += try mergedSections(value)
      } else {
        entries.append(Entry(key: name.string, keyPlace: keyPlace, value: value))
      }
    }
    return bases.reduce(YAMLValue(content: .section(entries), place: here)) { $0.merging($1) }
  }

  /// The sections that a merge key names, the ones that count more first.
  private static func mergedSections(_ value: YAMLValue) throws(RecipeError) -> [YAMLValue] {
    let sections: [YAMLValue]
    if case .list(let elements) = value.content { sections = elements } else { sections = [value] }
    for section in sections {
      guard case .section = section.content else {
        throw RecipeError(place: section.place, "expected a section, or a list of sections, to merge by '<<', found \(section.summary)")
      }
    }
    return sections
  }
}

extension YamlError {
  fileprivate func recipeError(whole: String, place: YAMLValue.Place, errorPlace: YAMLValue.Place) -> RecipeError {
    switch self {
    case .scanner(let context, let problem, let mark, let yaml), .parser(let context, let problem, let mark, let yaml),
      .composer(let context, let problem, let mark, let yaml):
      let reason = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
      // What is missing at the end of the text was begun where the context says.
      let isPastTheEnd = mark.line > yaml.split(omittingEmptySubsequences: false) { $0.isNewline }.count
      let at = isPastTheEnd ? context?.mark ?? mark : mark
      return RecipeError(place: errorPlace(at.line, at.column), "the YAML cannot be read: \(reason)")
    case .duplicatedKeysInMapping(let keys, let context):
      return RecipeError(
        place: place(context.mark.line, context.mark.column), "key '\(keys.first ?? "")' is given more than once in one section")
    case .reader(let problem, let offset, _, let yaml):
      let line = yaml.prefix(offset ?? 0).reduce(1) { $1.isNewline ? $0 + 1 : $0 }
      return RecipeError(place: place(line, 1), "the YAML cannot be read: \(problem)")
    default: return RecipeError(place: whole, "the YAML cannot be read: \(self)")
    }
  }
}
