import Foundation

/// JSON of any shape, as manifests hold it.
enum JSON: Decodable, Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSON].self))
    }
  }

  init(contentsOf url: URL) throws {
    do { self = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: url)) } catch {
      throw ReferenceError("\(url.path): no JSON: \(error)")
    }
  }

  subscript(key: String) -> JSON? { object?[key] }

  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var number: Double? { if case .number(let value) = self { value } else { nil } }
  var int: Int? { number.flatMap { Int(exactly: $0) } }
  var string: String? { if case .string(let value) = self { value } else { nil } }
  var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
  /// The numbers of an array that holds nothing else.
  var numbers: [Double]? {
    guard let numbers = array?.compactMap(\.number), numbers.count == array?.count else { return nil }
    return numbers
  }
  /// The whole numbers of an array that holds nothing else.
  var ints: [Int]? {
    guard let ints = array?.compactMap(\.int), ints.count == array?.count else { return nil }
    return ints
  }
}

/// As JSON, which is YAML too.
extension JSON: CustomStringConvertible {
  var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
    case .string(let value): "\"\(value)\""
    case .array(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    }
  }
}

/// The reference cannot be compared with: what is missing or not understood.
struct ReferenceError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
