/// Numbers, text and booleans, as people write them.
extension ValueDecoder {
  /// The value as a number, `Bool` or `String`; nil when `T` is none of these.
  func scalar<T>(_ type: T.Type) throws -> T? {
    switch type {
    case is Bool.Type: return try bool() as? T
    case is String.Type: return try string() as? T
    case is Double.Type: return try number() as? T
    case is Float.Type: return Float(try number()) as? T
    case let type as any FixedWidthInteger.Type: return try integer(type) as? T
    default: return nil
    }
  }

  private func bool() throws -> Bool {
    switch try plainText(expecting: "true or false").lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default: throw mismatch("true or false")
    }
  }

  /// Any scalar is text, also `28` and `no`; an empty text must be quoted.
  private func string() throws -> String {
    guard case .scalar(let text, _) = value.content, !value.isNull else { throw mismatch("text") }
    return text
  }

  private func number() throws -> Double {
    let text = try plainText(expecting: "a number")
    // YAML's spelling, and Python's in JSON.
    if [".inf", "+.inf", "-.inf", "infinity", "-infinity"].contains(text.lowercased()) {
      return text.hasPrefix("-") ? -.infinity : .infinity
    }
    guard let number = Self.parseNumber(text) else { throw mismatch("a number") }
    guard number.isFinite else { throw mismatch("a number below 1.8e308") }
    return number
  }

  /// Also `20_000_000` and `2e7`, as long as it is whole.
  private func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
    let text = try plainText(expecting: "a whole number").filter { $0 != "_" }
    if let exact = I(text) { return exact }
    guard let number = Self.parseNumber(text), number.rounded() == number else { throw mismatch("a whole number") }
    guard let whole = I(exactly: number) else { throw mismatch("a whole number from \(I.min) to \(I.max)") }
    return whole
  }

  private func plainText(expecting expected: String) throws -> String {
    guard case .scalar(let text, isQuoted: false) = value.content, !value.isNull else { throw mismatch(expected) }
    return text
  }

  /// A decimal number: digits with a point and an exponent, nothing else that Swift would take (`0x1p3`, `nan`).
  static func parseNumber(_ text: String) -> Double? {
    text.allSatisfy { $0.isASCII && ($0.isNumber || "+-.eE_".contains($0)) } ? Double(text.filter { $0 != "_" }) : nil
  }
}
