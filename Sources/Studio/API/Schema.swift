import RecipeKit

/// What a JSON value must be. Requests are checked by it, and the OpenAPI document is written from it.
indirect enum Schema: Sendable {
  case string(maximum: Int = 200)
  case choice([String])
  case integer(ClosedRange<Int>)
  case number(ClosedRange<Double>)
  case boolean
  case list(Schema, ClosedRange<Int> = 0...Schema.mostElements)
  /// An object whose keys are data.
  case map(Schema)
  case object(ObjectSchema)
  /// One of several, tried in turn.
  case either([Schema])
  /// Any value; used for responses that pass on what was sent or logged.
  case any

  static let mostElements = 100_000
  static let integer = Schema.integer(Int.min...Int.max)
  static let natural = Schema.integer(0...Int.max)
  static let number = Schema.number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
  static let text = Schema.string(maximum: 1_000_000)
  /// The form of an id that the server made or of a bundled model's name.
  static let id = Schema.string(maximum: 64)
}

/// An object with known keys.
struct ObjectSchema: Sendable {
  struct Field: Sendable {
    let name: String, schema: Schema, isRequired: Bool, documentation: String
  }

  /// The name in the OpenAPI document.
  let name: String
  let fields: [Field]

  init(_ name: String, _ fields: [Field]) { (self.name, self.fields) = (name, fields) }
}

extension ObjectSchema.Field {
  static func required(_ name: String, _ schema: Schema, _ documentation: String = "") -> Self {
    Self(name: name, schema: schema, isRequired: true, documentation: documentation)
  }
  static func optional(_ name: String, _ schema: Schema, _ documentation: String = "") -> Self {
    Self(name: name, schema: schema, isRequired: false, documentation: documentation)
  }
}

// MARK: Checking

extension Schema {
  /// - Parameter place: the key of the value, for messages.
  /// - Returns: what is wrong, nil if nothing is.
  func problem(with value: JSON, at place: String = "") -> String? {
    let name = place.isEmpty ? "the body" : "'\(place)'"
    func wrong(_ expected: String) -> String { "\(name) is \(value.summary); expected \(expected)" }
    switch self {
    case .any: return nil
    case .string(let maximum):
      guard let text = value.string else { return wrong("text") }
      return text.count <= maximum ? nil : "\(name) has \(text.count) characters; expected at most \(maximum)"
    case .choice(let choices):
      guard let text = value.string else { return wrong("one of \(choices.joined(separator: ", "))") }
      return choices.contains(text)
        ? nil : "\(name) is '\(text.prefix(40))'; \(Suggestion.phrase(for: String(text.prefix(40)), among: choices))"
    case .integer(let range):
      guard let number = value.integer, range.contains(number) else { return wrong("a whole number\(Self.text(of: range))") }
      return nil
    case .number(let range):
      guard let number = value.number, range.contains(number) else { return wrong("a number\(Self.text(of: range))") }
      return nil
    case .boolean: return value.boolean == nil ? wrong("true or false") : nil
    case .list(let element, let count):
      guard let elements = value.array else { return wrong("a list") }
      guard count.contains(elements.count) else {
        return "\(name) has \(elements.count) elements; expected \(count.lowerBound) to \(count.upperBound)"
      }
      return elements.enumerated().lazy.compactMap { element.problem(with: $1, at: "\(place)[\($0)]") }.first
    case .map(let element):
      guard let members = value.object else { return wrong("an object") }
      return members.sorted { $0.key < $1.key }.lazy.compactMap { element.problem(with: $1, at: Self.path(place, $0)) }.first
    case .object(let schema): return schema.problem(with: value, at: place)
    case .either(let schemas):
      let problems = schemas.map { $0.problem(with: value, at: place) }
      return problems.contains { $0 == nil } ? nil : problems.compactMap { $0 }.joined(separator: "; or ")
    }
  }

  private static func text<Bound>(of range: ClosedRange<Bound>) -> String where Bound: Numeric {
    let (low, high) = ("\(range.lowerBound)", "\(range.upperBound)")
    return low.count > 18 ? "" : high.count > 18 ? ", \(low) or more" : " from \(low) to \(high)"
  }

  fileprivate static func path(_ place: String, _ key: String) -> String {
    place.isEmpty ? String(key.prefix(60)) : "\(place).\(key.prefix(60))"
  }
}

extension ObjectSchema {
  func problem(with value: JSON, at place: String = "") -> String? {
    guard let members = value.object else { return "\(place.isEmpty ? "the body" : "'\(place)'") is \(value.summary); expected an object" }
    for key in members.keys.sorted() where !fields.contains(where: { $0.name == key }) {
      return "unknown key '\(Schema.path(place, key))'; \(Suggestion.phrase(for: String(key.prefix(60)), among: fields.map(\.name)))"
    }
    for field in fields {
      guard let member = members[field.name], member != .null || !isOptional(field) else {
        if field.isRequired { return "'\(Schema.path(place, field.name))' is missing" }
        continue
      }
      if let problem = field.schema.problem(with: member, at: Schema.path(place, field.name)) { return problem }
    }
    return nil
  }

  /// An optional key may also be null.
  private func isOptional(_ field: Field) -> Bool { !field.isRequired }
}

// MARK: OpenAPI

extension Schema {
  /// The schema in JSON Schema's words, with named objects as references.
  var document: JSON {
    switch self {
    case .any: return [:]
    case .string(let maximum): return ["type": "string", "maxLength": .integer(maximum)]
    case .choice(let choices): return ["type": "string", "enum": .strings(choices)]
    case .integer(let range):
      return .members([
        "type": "integer", "minimum": range.lowerBound == .min ? nil : .integer(range.lowerBound),
        "maximum": range.upperBound == .max ? nil : .integer(range.upperBound),
      ])
    case .number(let range):
      let widest = Double.greatestFiniteMagnitude
      return .members([
        "type": "number", "minimum": range.lowerBound == -widest ? nil : .number(range.lowerBound),
        "maximum": range.upperBound == widest ? nil : .number(range.upperBound),
      ])
    case .boolean: return ["type": "boolean"]
    case .list(let element, let count):
      return .members([
        "type": "array", "items": element.document, "minItems": count.lowerBound == 0 ? nil : .integer(count.lowerBound),
        "maxItems": .integer(count.upperBound),
      ])
    case .map(let element): return ["type": "object", "additionalProperties": element.document]
    case .object(let schema): return ["$ref": .string("#/components/schemas/\(schema.name)")]
    case .either(let schemas): return ["anyOf": .array(schemas.map(\.document))]
    }
  }

  /// The named objects in this schema, by name.
  var objects: [String: ObjectSchema] {
    switch self {
    case .object(let schema):
      return schema.fields.reduce(into: [schema.name: schema]) { $0.merge($1.schema.objects) { first, _ in first } }
    case .list(let element, _), .map(let element): return element.objects
    case .either(let schemas): return schemas.reduce(into: [:]) { $0.merge($1.objects) { first, _ in first } }
    default: return [:]
    }
  }
}

extension ObjectSchema {
  var document: JSON {
    let properties = fields.map { field -> (String, JSON) in
      // A reference may have no neighbours in OpenAPI 3.0 readers.
      guard case .object(var words) = field.schema.document, words["$ref"] == nil else { return (field.name, field.schema.document) }
      if !field.documentation.isEmpty { words["description"] = .string(field.documentation) }
      return (field.name, .object(words))
    }
    return .members([
      "type": "object", "properties": .object(Dictionary(properties) { $1 }), "additionalProperties": false,
      "required": fields.contains(where: \.isRequired) ? .strings(fields.filter(\.isRequired).map(\.name)) : nil,
    ])
  }
}
