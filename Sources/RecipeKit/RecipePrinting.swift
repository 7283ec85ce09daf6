internal import Yams

extension Recipe {
  /// The whole recipe as YAML: every key in the order of declaration, `type` first in a choice, nil as `null`. Lists of
  /// scalars stand on one line while they fit. Decoding the text gives the same recipe.
  public func yaml() -> String { printed(self, indent: "") }
}

private let widest = 100

/// The lines of a section.
private func printed(_ recipe: any Recipe, indent: String) -> String {
  defaults(of: recipe).map { printed($0.key, $0.value, indent: indent) }.joined()
}

/// `key: value`, with the lines below it if there are any.
private func printed(_ key: String, _ value: Any, indent: String) -> String {
  let deeper = indent + "  "
  func section(_ body: String) -> String { body.isEmpty ? "\(indent)\(key): {}\n" : "\(indent)\(key):\n\(body)" }
  guard let value = unwrapped(value) else { return "\(indent)\(key): null\n" }
  switch value {
  case let recipe as any Recipe: return section(printed(recipe, indent: deeper))
  case let choice as any AnyChoice: return section(printed(choice, indent: deeper))
  case let dictionary as [String: Any]:
    let entries = dictionary.sorted { $0.key < $1.key }
    return section(entries.map { printed(quotedIfNeeded($0.key), $0.value, indent: deeper) }.joined())
  case let list as [Any]:
    if let line = inline(list), indent.count + key.count + line.count + 2 <= widest { return "\(indent)\(key): \(line)\n" }
    return "\(indent)\(key):\n" + list.map { printedElement($0, indent: deeper) }.joined()
  default: return "\(indent)\(key): \(scalarText(value))\n"
  }
}

private func printed(_ choice: any AnyChoice, indent: String) -> String {
  "\(indent)type: \(type(of: choice.recipe).name)\n" + printed(choice.recipe, indent: indent)
}

/// An element of a block list: its first line after the dash, the others below.
private func printedElement(_ value: Any, indent: String) -> String {
  let body: String
  switch unwrapped(value) {
  case let recipe as any Recipe: body = printed(recipe, indent: indent + "  ")
  case let choice as any AnyChoice: body = printed(choice, indent: indent + "  ")
  case let list as [Any]: return "\(indent)- \(inline(list) ?? "[]")\n"
  case let other?: return "\(indent)- \(scalarText(other))\n"
  case nil: return "\(indent)- null\n"
  }
  return body.isEmpty ? "\(indent)- {}\n" : "\(indent)- \(body.dropFirst(indent.count + 2))"
}

/// `[1, 2, [3]]`; nil for a list that holds sections.
func inline(_ list: [Any]) -> String? {
  var elements: [String] = []
  for element in list {
    switch unwrapped(element) {
    case is any Recipe, is any AnyChoice, is [String: Any]: return nil
    case let inner as [Any]:
      guard let text = inline(inner) else { return nil }
      elements.append(text)
    case let other?: elements.append(scalarText(other))
    case nil: elements.append("null")
    }
  }
  return "[\(elements.joined(separator: ", "))]"
}

func scalarText(_ value: Any) -> String {
  switch value {
  case let flag as Bool: return flag ? "true" : "false"
  case let number as Double: return numberText(number.description)
  case let number as Float: return numberText(number.description)
  case let number as any FixedWidthInteger: return "\(number)"
  case let text as String: return quotedIfNeeded(text)
  case let raw as any RawRepresentable where raw.rawValue is String: return quotedIfNeeded(raw.rawValue as! String)
  case let value as any Encodable: return encodedText(value)
  default: preconditionFailure("a recipe cannot hold a \(type(of: value))")
  }
}

/// Swift's shortest digits, with the exponent as YAML 1.1 wants it: `0.0002`, `1.0e-5`, `1.0e+16`, `.inf`.
private func numberText(_ digits: String) -> String {
  if digits.hasSuffix("inf") { return digits.replacing("inf", with: ".inf") }
  let parts = digits.split(separator: "e")
  guard parts.count == 2, let exponent = Int(parts[1]) else { return digits }
  return parts[0] + (parts[0].contains(".") ? "e" : ".0e") + (exponent < 0 ? "-" : "+") + "\(exponent.magnitude)"
}

/// What a type of its own encodes as, where that is one scalar or a list of scalars.
private func encodedText(_ value: any Encodable) -> String {
  guard let text = try? YAMLEncoder().encode(value), let node = try? Yams.compose(yaml: text, .basic), let inline = inlineText(node) else {
    preconditionFailure("a recipe cannot hold a \(type(of: value)): it encodes neither as one scalar nor as a list of scalars")
  }
  return inline
}

private func inlineText(_ node: Node) -> String? {
  if let scalar = node.scalar { return scalar.style == .plain ? scalar.string : quotedIfNeeded(scalar.string) }
  guard let elements = node.sequence?.map({ $0.scalar == nil ? nil : inlineText($0) }), !elements.contains(nil) else { return nil }
  return "[\(elements.map { $0! }.joined(separator: ", "))]"
}

/// Plain where no reader of YAML can take it for anything but this text, else in double quotes.
private func quotedIfNeeded(_ text: String) -> String {
  let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
  let isPlain =
    text.first.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "/" } ?? false
    && text.allSatisfy { $0.isLetter || $0.isNumber || "_/.-+ ".contains($0) } && text.last != " "
    && !words.contains(text.lowercased()) && !looksLikeNumber(text)
  if isPlain { return text }
  let escaped = text.unicodeScalars.map { scalar -> String in
    switch scalar {
    case "\\": return "\\\\"
    case "\"": return "\\\""
    case "\n": return "\\n"
    case "\t": return "\\t"
    case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || [0x2028, 0x2029, 0xFEFF].contains(scalar.value):
      let hex = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    default: return String(scalar)
    }
  }
  return "\"\(escaped.joined())\""
}

/// A number, a date or a time, in decimal or another base.
private func looksLikeNumber(_ text: String) -> Bool {
  guard let first = text.first, first.isNumber else { return false }
  return text.allSatisfy { $0.isHexDigit || "xob_.-+eE".contains($0) }
}
