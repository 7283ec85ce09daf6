/// A value as it was written, and where.
struct YAMLValue {
  enum Content {
    case scalar(String, isQuoted: Bool)
    case list([YAMLValue])
    case section([Entry])
  }

  struct Entry {
    let key: String
    let keyPlace: String
    var value: YAMLValue
  }

  var content: Content
  /// `file:line`, or the `--set` argument.
  var place: String

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
    }
  }

  /// This value with another laid over it: sections are merged key by key, the bare name of a type being a section too, and
  /// anything else is replaced.
  func overlaid(by other: YAMLValue) -> YAMLValue {
    if case .section = other.content, case .scalar = content, !isNull { return namingType.overlaid(by: other) }
    guard case .section(var entries) = content, case .section(let others) = other.content else { return other }
    for entry in others {
      if let index = entries.firstIndex(where: { $0.key == entry.key }) {
        entries[index] = Entry(key: entry.key, keyPlace: entry.keyPlace, value: entries[index].value.overlaid(by: entry.value))
      } else {
        entries.append(entry)
      }
    }
    return YAMLValue(content: .section(entries), place: place)
  }

  /// The section that a bare name stands for: `sampler: ddim` is `sampler: { type: ddim }`.
  var namingType: YAMLValue {
    YAMLValue(content: .section([Entry(key: "type", keyPlace: place, value: self)]), place: place)
  }

  /// Where each key path was given: `network.channel_mult`, `stages[2].size`.
  func places(under path: String = "") -> [String: String] {
    var result = [path: place]
    switch content {
    case .scalar: break
    case .list(let elements):
      for (index, element) in elements.enumerated() { result.merge(element.places(under: "\(path)[\(index)]")) { $1 } }
    case .section(let entries):
      for entry in entries { result.merge(entry.value.places(under: joined(path, entry.key))) { $1 } }
    }
    return result
  }
}

/// `a.b` of `a` and `b`.
func joined(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
