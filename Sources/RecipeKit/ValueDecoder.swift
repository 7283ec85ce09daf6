/// Gives synthesised `init(from:)` the written values and, for all others, the values in force.
struct ValueDecoder: Decoder {
  let value: YAMLValue
  /// The values in force by key, when a recipe is decoded; nil otherwise.
  let inForce: [String: Any]?
  let path: String
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard value.entries != nil else { throw mismatch("a section of keys and values") }
    return KeyedDecodingContainer(Keyed(decoder: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let elements) = value.content else { throw mismatch("a list such as [1, 2]") }
    return Elements(elements: elements, path: path)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

  func mismatch(_ expected: String, found: String? = nil) -> RecipeError {
    RecipeError(place: value.place, path: path, "expected \(expected), found \(found ?? value.summary)")
  }

  /// The value as a `T`.
  /// - Parameter current: the value in force, which a section overrides.
  func decode<T: Decodable>(_ type: T.Type, over current: Any? = nil) throws -> T {
    if case .unreadable(let error) = value.content { throw error }
    let overlay = RecipeOverlay(value: value, path: path)
    if let scalar = try scalar(type) { return scalar }
    switch type {
    case let recipe as any Recipe.Type:
      let base = current as? any Recipe ?? recipe.init()
      return try overlay.lay(over: base) as! T
    case let choice as any AnyChoice.Type:
      func chosen<C: AnyChoice>(_: C.Type) throws -> any AnyChoice { try overlay.choose(C.self, over: current as? C) }
      return try chosen(choice) as! T
    default: break
    }
    if let names = rawValues(of: type) { try checkIsOne(of: names) }
    do { return try T(from: self) } catch let error as RecipeError { throw error } catch DecodingError.dataCorrupted(let context) {
      throw RecipeError(place: value.place, path: path, context.debugDescription)
    } catch { throw RecipeError(place: value.place, path: path, "\(error)") }
  }

  private func checkIsOne(of names: [String]) throws {
    guard case .scalar(let text, _) = value.content, !names.contains(text) else { return }
    let hint = Suggestion.nearest(to: text, among: names).map { "; did you mean '\($0)'?" } ?? ""
    throw mismatch("one of \(names.joined(separator: ", "))", found: value.summary + hint)
  }

  /// The raw values of an enum of strings, where all of its cases are known.
  private func rawValues(of type: Any.Type) -> [String]? {
    func names<C: CaseIterable>(_: C.Type) -> [String] { C.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String } }
    guard let names = (type as? any CaseIterable.Type).map({ names($0) }), !names.isEmpty else { return nil }
    return names
  }

  /// Runs code that throws nothing but `RecipeError`.
  static func typed<R>(_ body: () throws -> R) throws(RecipeError) -> R {
    do { return try body() } catch let error as RecipeError { throw error } catch { throw RecipeError(place: nil, "\(error)") }
  }
}

/// The keys of a recipe, or of a dictionary.
private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: ValueDecoder
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { (decoder.value.entries ?? []).compactMap { Key(stringValue: $0.key) } }

  private func name(_ key: Key) -> String { decoder.inForce == nil ? key.stringValue : snakeCase(key.stringValue) }

  func contains(_ key: Key) -> Bool { decoder.value[name(key)] != nil || decoder.inForce?[name(key)] != nil }

  func decodeNil(forKey key: Key) throws -> Bool {
    if let given = decoder.value[name(key)] { return given.isNull }
    return decoder.inForce?[name(key)].map { unwrapped($0) == nil } ?? true
  }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    let current = decoder.inForce?[name(key)]
    if let given = decoder.value[name(key)] {
      if type == String.self, let text = given.typedText { return text as! T }
      return try ValueDecoder(value: given, inForce: nil, path: joined(decoder.path, name(key))).decode(
        type, over: current.flatMap(unwrapped))
    }
    if let value = current as? T { return value }
    throw RecipeError(place: decoder.value.place, path: decoder.path, "key '\(name(key))' is missing")
  }

  func nestedContainer<N: CodingKey>(keyedBy type: N.Type, forKey key: Key) throws -> KeyedDecodingContainer<N> {
    try nested(key).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try nested(key).unkeyedContainer() }
  func superDecoder() throws -> any Decoder { decoder }
  func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

  private func nested(_ key: Key) throws -> ValueDecoder {
    guard let given = decoder.value[name(key)] else {
      throw RecipeError(place: decoder.value.place, path: decoder.path, "key '\(name(key))' is missing")
    }
    return ValueDecoder(value: given, inForce: nil, path: joined(decoder.path, name(key)))
  }
}

/// The elements of a list.
private struct Elements: UnkeyedDecodingContainer {
  let elements: [YAMLValue]
  let path: String
  var currentIndex = 0
  var codingPath: [any CodingKey] { [] }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  private mutating func next() throws -> ValueDecoder {
    guard !isAtEnd else { throw RecipeError(place: elements.last?.place, path: path, "expected more than \(elements.count) elements") }
    defer { currentIndex += 1 }
    return ValueDecoder(value: elements[currentIndex], inForce: nil, path: "\(path)[\(currentIndex)]")
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, elements[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }
  mutating func nestedContainer<N: CodingKey>(keyedBy type: N.Type) throws -> KeyedDecodingContainer<N> {
    try next().container(keyedBy: type)
  }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
  mutating func superDecoder() throws -> any Decoder { try next() }
}

/// One value.
private struct Single: SingleValueDecodingContainer {
  let decoder: ValueDecoder
  var codingPath: [any CodingKey] { [] }
  func decodeNil() -> Bool { decoder.value.isNull }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
}
