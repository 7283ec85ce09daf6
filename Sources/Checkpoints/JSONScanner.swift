/// Reads strict JSON (RFC 8259) token by token. The caller says what must come next, so the nesting is as deep as the caller's
/// code and a hostile text cannot exhaust the stack; no value is built that was not asked for.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var at = 0

  /// - Parameter bytes: must outlive the scanner.
  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  func failure(_ message: String, tensor: String? = nil) -> SafetensorsError { SafetensorsError(file: file, tensor: tensor, message) }

  /// `{"key": …}`: calls `member` after each key's colon, which reads the value.
  /// - Throws: also when a key comes twice.
  mutating func object(_ member: (inout JSONScanner, String) throws(SafetensorsError) -> Void) throws(SafetensorsError) {
    try expect("{")
    var keys: Set<String> = []
    if skip("}") { return }
    repeat {
      let key = try string()
      guard keys.insert(key).inserted else { throw failure("key '\(SafetensorsError.short(key))' is given twice in the header") }
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}")
  }

  /// `[1, 2]`, of whole numbers of 0 or more.
  mutating func counts() throws(SafetensorsError) -> [Int] {
    try expect("[")
    var values: [Int] = []
    if skip("]") { return values }
    repeat { values.append(try count()) } while skip(",")
    try expect("]")
    return values
  }

  mutating func string() throws(SafetensorsError) -> String {
    try expect("\"", "a string")
    var text: [UInt8] = []
    while let byte = next() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("the header's text is not UTF-8 before byte \(at)")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw unexpected("a string without control characters", back: 1)
      default: text.append(byte)
      }
    }
    throw unexpected("the end of a string")
  }

  /// Nothing but white space is left.
  mutating func end() throws(SafetensorsError) {
    skipSpace()
    if at < bytes.count { throw unexpected("the end of the header") }
  }

  private mutating func count() throws(SafetensorsError) -> Int {
    skipSpace()
    let start = at
    while at < bytes.count, bytes[at] == 0x2B || bytes[at] == 0x2D || bytes[at] == 0x2E || isLetterOrDigit(bytes[at]) { at += 1 }
    let text = String(decoding: bytes[start..<min(at, start + 40)], as: UTF8.self)
    let isWhole = at > start && bytes[start..<at].allSatisfy { (0x30...0x39).contains($0) } && (bytes[start] != 0x30 || at == start + 1)
    guard isWhole, at - start <= 19, let value = Int(text) else {
      if text.isEmpty { throw unexpected("a whole number") }
      throw failure("expected a whole number from 0 to \(Int.max), found '\(text)' at byte \(start) of the header")
    }
    return value
  }

  private func isLetterOrDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) }

  private mutating func escape(into text: inout [UInt8]) throws(SafetensorsError) {
    switch next() {
    case UInt8(ascii: "\""): text.append(0x22)
    case UInt8(ascii: "\\"): text.append(0x5C)
    case UInt8(ascii: "/"): text.append(0x2F)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var value = UInt32(try fourHexDigits())
      if (0xD800..<0xDC00).contains(value) {
        guard next() == UInt8(ascii: "\\"), next() == UInt8(ascii: "u") else { throw unexpected("the second half of a pair", back: 1) }
        let low = UInt32(try fourHexDigits())
        value = (0xDC00..<0xE000).contains(low) ? 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00) : 0xD800
      }
      guard let scalar = Unicode.Scalar(value) else { throw failure("half of a character at byte \(at) of the header") }
      text += Array(String(Character(scalar)).utf8)
    default: throw unexpected("an escape of JSON", back: 1)
    }
  }

  private mutating func fourHexDigits() throws(SafetensorsError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw unexpected("four hexadecimal digits", back: 1)
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  private mutating func next() -> UInt8? {
    guard at < bytes.count else { return nil }
    defer { at += 1 }
    return bytes[at]
  }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) { at += 1 }
  }

  /// Whether this character came next; it is passed then.
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar, _ name: String? = nil) throws(SafetensorsError) {
    guard skip(character) else { throw unexpected(name ?? "'\(character)'") }
  }

  private func unexpected(_ expected: String, back: Int = 0) -> SafetensorsError {
    let index = min(at, bytes.count) - back
    guard index >= 0, index < bytes.count else { return failure("the header ends where \(expected) should stand") }
    let found =
      (0x21...0x7E).contains(bytes[index]) ? "'\(Character(Unicode.Scalar(bytes[index])))'" : "byte 0x\(String(bytes[index], radix: 16))"
    return failure("the header is not the JSON of safetensors: expected \(expected) at byte \(index), found \(found)")
  }
}
