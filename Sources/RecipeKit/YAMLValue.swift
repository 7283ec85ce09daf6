/// A value as it was written, and where.
struct YAMLValue {
  enum Content {
    case scalar(String, isQuoted: Bool)
    case list([YAMLValue])
    case section([Entry])
    /// A setting that is not YAML, as a text need not be; the error is for keys of other types.
    case unreadable(RecipeError)
  }

  struct Entry {
    let key: String
    let keyPlace: String
    var value: YAMLValue
    /// The value in the file where a setting overrides it.
    var replaced: YAMLValue?
  }

  var content: Content
  /// `file:line`, or the `--set` argument.
  var place: String
  /// Whether it comes from a `--set` argument.
  var isSetting = false
  /// What follows the equals sign of a `--set` argument.
  var typed: String?

  /// Written as `null`, `~` or not at all.
  var isNull: Bool {
    guard case .scalar(let text, isQuoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The entries of a section; a section that nothing was written in has none.
  var entries: [Entry]? {
    if case .section(let entries) = content { return entries }
    return isNull ? [] : nil
  }

  subscript(key: String) -> YAMLValue? { entries?.first { $0.key == key }?.value }

  /// What was met, for messages.
  var summary: String {
    switch content {
    case _ where isNull: return "nothing"
    case .scalar(let text, let isQuoted):
      let short = text.count > 60 ? text.prefix(60) + "…" : text[...]
      return isQuoted ? "the quoted text '\(short)'" : "'\(short)'"
    case .list: return "a list"
    case .section: return "a section of keys and values"
    case .unreadable: return "'\(typed ?? "")'"
    }
  }

  /// What a key that takes text is set to: the setting as it was typed, without the quotes around all of it if there are any. Nil
  /// for values of a file and for an empty setting.
  var typedText: String? {
    guard let typed, !typed.isEmpty else { return nil }
    if case .scalar(let text, isQuoted: true) = content, Self.isQuoted(typed) { return text }
    return typed
  }

  /// Whether a text is one quoted YAML scalar from its first character to its last.
  private static func isQuoted(_ text: String) -> Bool {
    guard text.count >= 2, let quote = text.first, quote == text.last else { return false }
    let inner = text.dropFirst().dropLast()
    switch quote {
    case "'": return !inner.replacing("''", with: "").contains("'")
    case "\"": return !inner.replacing("\\\\", with: "").replacing("\\\"", with: "").contains("\"")
    default: return false
    }
  }

  /// The part that settings give; nil where they give none.
  var ofSettings: YAMLValue? {
    if isSetting { return self }
    guard case .section(let entries) = content else { return nil }
    let kept = entries.compactMap { entry in
      entry.value.ofSettings.map { Entry(key: entry.key, keyPlace: entry.keyPlace, value: $0) }
    }
    return kept.isEmpty ? nil : YAMLValue(content: .section(kept), place: kept[0].keyPlace, isSetting: true, typed: typed)
  }

  /// The type that the file names in this section where a setting names another.
  var typeBelow: String? {
    guard let below = entries?.first(where: { $0.key == "type" })?.replaced, case .scalar(let text, _) = below.content else { return nil }
    return text
  }

  /// This value overridden by another: sections are merged key by key, the bare name of a type being a section too, and
  /// anything else is replaced.
  func overlaid(by other: YAMLValue) -> YAMLValue {
    if case .section = other.content, case .scalar = content, !isNull { return namingType.overlaid(by: other) }
    guard case .section(var entries) = content, case .section(let others) = other.content else { return other }
    for entry in others {
      if let index = entries.firstIndex(where: { $0.key == entry.key }) {
        let below = entries[index]
        entries[index] = Entry(
          key: entry.key, keyPlace: entry.keyPlace, value: below.value.overlaid(by: entry.value),
          replaced: below.value.isSetting ? below.replaced : below.value)
      } else {
        entries.append(entry)
      }
    }
    return YAMLValue(content: .section(entries), place: place, isSetting: isSetting, typed: other.typed)
  }

  /// This section with the entries of another that it does not have itself, as YAML's merge keys (`<<`) give them. One of another
  /// type gives nothing: its options are not this type's.
  func merging(_ base: YAMLValue) -> YAMLValue {
    guard case .section(let entries) = content, case .section(let others) = base.content else { return self }
    if case .scalar(let type, _)? = self["type"]?.content, case .scalar(let baseType, _)? = base["type"]?.content, type != baseType {
      return self
    }
    let keys = Set(entries.map(\.key))
    return YAMLValue(content: .section(others.filter { !keys.contains($0.key) } + entries), place: place)
  }

  /// The section that a bare name stands for: `sampler: ddim` is `sampler: { type: ddim }`.
  var namingType: YAMLValue {
    YAMLValue(content: .section([Entry(key: "type", keyPlace: place, value: self)]), place: place, isSetting: isSetting)
  }

  /// Where each key path was given: `network.channel_mult`, `stages[2].size`.
  func places(under path: String = "") -> [String: String] {
    var result = [path: place]
    switch content {
    case .scalar, .unreadable: break
    case .list(let elements):
      for (index, element) in elements.enumerated() { result.merge(element.places(under: "\(path)[\(index)]")) { $1 } }
    case .section(let entries):
      for entry in entries { result.merge(entry.value.places(under: joined(path, entry.key))) { $1 } }
    }
    return result
  }
}

/// `a.b` of `a` and `b`; one of them alone where the other is empty.
func joined(_ path: String, _ key: String) -> String { path.isEmpty || key.isEmpty ? path + key : "\(path).\(key)" }
