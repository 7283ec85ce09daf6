/// A value of a recipe, as a form shows it.
public struct RecipeField: Sendable, Equatable {
  /// The keys from the top, as in `training.learning_rate`; `type` after that of a choice.
  public let path: String
  /// The value as YAML: a scalar, or a list on one line.
  public let text: String
  /// The words that the value may be, where there are only so many.
  public let choices: [String]?
}

extension Recipe {
  /// The values of the recipe and of its sections, in the order of `yaml()`. Lists of sections and empty sections have none.
  public var fields: [RecipeField] { RecipeKit.fields(of: self, at: "") }
}

private func fields(of recipe: any Recipe, at prefix: String) -> [RecipeField] {
  defaults(of: recipe).flatMap { fields(of: $0.value, at: prefix + $0.key) }
}

private func fields(of value: Any, at path: String) -> [RecipeField] {
  func field(_ text: String) -> [RecipeField] { [RecipeField(path: path, text: text, choices: choices(of: type(of: value)))] }
  switch unwrapped(value) {
  case nil: return field("null")
  case let recipe as any Recipe: return fields(of: recipe, at: path + ".")
  case let choice as any AnyChoice:
    let type = RecipeField(
      path: "\(path).type", text: type(of: choice.recipe).name, choices: type(of: choice).types)
    return [type] + fields(of: choice.recipe, at: path + ".")
  case let dictionary as [String: Any]:
    return dictionary.sorted { $0.key < $1.key }.flatMap { fields(of: $0.value, at: "\(path).\($0.key)") }
  case let list as [Any]: return inline(list).map(field) ?? []
  case let scalar?: return field(scalarText(scalar))
  }
}

/// The words of an enum, or of an optional one.
private func choices(of type: Any.Type) -> [String]? {
  func words<Words: CaseIterable>(of type: Words.Type) -> [String]? {
    let words = type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    return words.isEmpty ? nil : words
  }
  if let optional = type as? any AnyOptional.Type { return choices(of: optional.wrapped) }
  return (type as? any CaseIterable.Type).flatMap { words(of: $0) }
}

private protocol AnyOptional { static var wrapped: Any.Type { get } }
extension Optional: AnyOptional { fileprivate static var wrapped: Any.Type { Wrapped.self } }
