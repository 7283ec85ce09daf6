/// The one form of Python dictionary that stands in an `.npy` file, scanned by hand:
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, its keys in any order.
struct NPYLiteral {
  struct Fields {
    var code: String
    var isColumnMajor: Bool
    var shape: [Int]
  }
  private let text: ArraySlice<UInt8>
  private var rest: ArraySlice<UInt8>

  init(_ text: ArraySlice<UInt8>) {
    self.text = text
    rest = text
  }

  private var notUnderstood: ArrayError.Problem { .header(String(decoding: text.prefix(200), as: UTF8.self)) }

  mutating func dictionary() throws(ArrayError.Problem) -> Fields {
    var code: String?, isColumnMajor: Bool?, shape: [Int]?
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where code == nil:
        if peek() == UInt8(ascii: "[") { throw .structured }
        code = try string()
      case "fortran_order" where isColumnMajor == nil: isColumnMajor = try boolean()
      case "shape" where shape == nil: shape = try tuple()
      default: throw notUnderstood
      }
      guard take(",") || peek() == UInt8(ascii: "}") else { throw notUnderstood }
    }
    guard peek() == nil, let code, let isColumnMajor, let shape else { throw notUnderstood }
    return Fields(code: code, isColumnMajor: isColumnMajor, shape: shape)
  }

  // ---- pieces

  /// The next byte that is not a blank; nil at the end.
  private mutating func peek() -> UInt8? {
    rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
    return rest.first
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(ArrayError.Problem) {
    guard take(character) else { throw notUnderstood }
  }

  /// Between single or double quotes, without escapes.
  private mutating func string() throws(ArrayError.Problem) -> String {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { throw notUnderstood }
    rest.removeFirst()
    guard let end = rest.firstIndex(of: quote), !rest[..<end].contains(UInt8(ascii: "\\")) else { throw notUnderstood }
    defer { rest = rest[(end + 1)...] }
    return String(decoding: rest[..<end], as: UTF8.self)
  }

  private mutating func boolean() throws(ArrayError.Problem) -> Bool {
    _ = peek()
    for (word, value) in [("True", true), ("False", false)] where rest.starts(with: word.utf8) {
      rest = rest.dropFirst(word.utf8.count)
      return value
    }
    throw notUnderstood
  }

  private mutating func tuple() throws(ArrayError.Problem) -> [Int] {
    var numbers: [Int] = []
    try expect("(")
    while !take(")") {
      _ = peek()
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      guard !digits.isEmpty else { throw notUnderstood }
      guard let number = Int(String(decoding: digits, as: UTF8.self)) else { throw .header("a number of \(digits.count) digits") }
      rest = rest[digits.endIndex...]
      // Python 2 wrote long numbers with an L.
      if rest.first == UInt8(ascii: "L") { rest.removeFirst() }
      numbers.append(number)
      guard take(",") || peek() == UInt8(ascii: ")") else { throw notUnderstood }
    }
    return numbers
  }
}
