import Foundation

extension Recipe {
  /// The defaults, overridden by a YAML text and then by each `key.path=value`.
  ///
  /// A text without content gives the defaults. An unknown key, a value of the wrong type, a key given twice and YAML that
  /// cannot be read are refused, as are values that `validate` refuses.
  /// - Parameters:
  ///   - yaml: at most 256 KiB.
  ///   - file: the name for messages.
  ///   - set: values that override the text, later ones earlier ones, each written as in `--set training.batch_size=64`. A key that
  ///     takes text is set to the value as it is typed (`data.path=cats #2` is the folder `cats #2`), without quotes around the whole of
  ///     it; for other keys it is YAML. Another type for a section starts from that type's defaults.
  /// - Throws: `RecipeError` naming the line, or the `--set` argument that brought it about.
  public init(yaml: String, file: String = "recipe", set: [String] = []) throws(RecipeError) {
    self = try Self().overlaid(yaml: yaml, file: file, set: set)
  }

  /// Reads a file; otherwise as `init(yaml:file:set:)`.
  public init(path: String, set: [String] = []) throws(RecipeError) {
    try self.init(yaml: RecipeSections.text(of: path), file: path, set: set)
  }

  /// Like `init(yaml:file:set:)`, over this recipe instead of the defaults.
  public func overlaid(yaml: String, file: String = "recipe", set: [String] = []) throws(RecipeError) -> Self {
    let value = try YAMLValue(yaml: yaml, file: file)
    var settings: [YAMLValue] = []
    for argument in set { settings.append(try YAMLValue(setting: argument)) }
    do throws(RecipeError) { return try overlaid(value, settings, file) } catch {
      guard !settings.contains(where: { $0.place == error.place }), let guilty = firstFailing(settings, over: value, file) else {
        throw error
      }
      throw RecipeError(place: guilty.place, path: error.path, error.message)
    }
  }

  /// The setting with which the error begins; nil where the file has it already.
  private func firstFailing(_ settings: [YAMLValue], over value: YAMLValue?, _ file: String) -> YAMLValue? {
    let fails = (0...settings.count).first { count in (try? overlaid(value, Array(settings.prefix(count)), file)) == nil }
    return fails.flatMap { $0 > 0 ? settings[$0 - 1] : nil }
  }

  private func overlaid(_ value: YAMLValue?, _ settings: [YAMLValue], _ file: String) throws(RecipeError) -> Self {
    let value = settings.reduce(value) { value, setting in
      value.map { $0.isNull ? setting : $0.overlaid(by: setting) } ?? setting
    }
    guard let value else { return self }
    let result = try ValueDecoder.typed { () throws in try RecipeOverlay(value: value, path: "").lay(over: self) }
    try validateAll(result, path: "", places: value.places(), file: value.place.isEmpty ? nil : file)
    return result
  }
}

/// The written values of one recipe, which override a recipe that holds the values in force.
struct RecipeOverlay {
  let value: YAMLValue
  let path: String

  /// - Throws: `RecipeError` for a key that the recipe does not have.
  func lay<R: Recipe>(over recipe: R, alsoKnown: [String] = []) throws -> R {
    guard let entries = value.entries else {
      throw RecipeError(place: value.place, path: path, "expected a section of keys and values, found \(value.summary)")
    }
    let properties = defaults(of: recipe)
    let known = alsoKnown + properties.map { $0.key }
    for entry in entries where !known.contains(entry.key) {
      let section = path.isEmpty ? "" : " in '\(path)'"
      throw RecipeError(
        place: entry.keyPlace, "unknown key '\(entry.key)'\(section); \(Suggestion.phrase(for: entry.key, among: known))")
    }
    let inForce = Dictionary(properties.map { ($0.key, $0.value) }) { first, _ in first }
    return try R(from: ValueDecoder(value: value, inForce: inForce, path: path))
  }

  /// - Parameter choice: the choice in force; nil in a list or where nothing was chosen, so that the type must be named.
  func choose<C: AnyChoice>(_: C.Type, over choice: C?) throws -> C {
    if case .scalar = value.content, !value.isNull {
      return try RecipeOverlay(value: value.namingType, path: path).choose(C.self, over: choice)
    }
    guard value.entries != nil else {
      let example = C.types.first ?? "name"
      throw RecipeError(
        place: value.place, path: path, "expected \(example) or a section such as { type: \(example) }, found \(value.summary)")
    }
    guard let given = value["type"] else {
      if let choice { return C(try layAny(over: choice.recipe)) }
      throw RecipeError(place: value.place, path: path, "key 'type' is missing; expected one of \(C.types.joined(separator: ", "))")
    }
    let name = try ValueDecoder(value: given, inForce: nil, path: joined(path, "type")).decode(String.self)
    let inForce = choice.map { Swift.type(of: $0.recipe).name }
    // Options that a file gives for one type are not those of another type that a setting names.
    let isOtherType = given.isSetting && (value.typeBelow ?? inForce).map { $0 != name } ?? false
    let overlay = RecipeOverlay(value: isOtherType ? value.ofSettings ?? value : value, path: path)
    if let choice, name == inForce { return C(try overlay.layAny(over: choice.recipe)) }
    guard let fresh = try? C(named: name) else {
      throw RecipeError(
        place: given.place, "unknown type '\(name)' in '\(path)'; \(Suggestion.phrase(for: name, among: C.types))")
    }
    return C(try overlay.layAny(over: fresh.recipe))
  }

  private func layAny<R: NamedRecipe>(over recipe: R) throws -> any NamedRecipe { try lay(over: recipe, alsoKnown: ["type"]) }
}

/// Calls `validate` of the recipe and of all that it holds, and names the place of a refused value.
private func validateAll(_ recipe: any Recipe, path: String, places: [String: String], file: String?) throws(RecipeError) {
  func visit(_ value: Any, _ path: String) throws(RecipeError) {
    switch value {
    case let recipe as any Recipe: try validateAll(recipe, path: path, places: places, file: file)
    case let choice as any AnyChoice: try validateAll(choice.recipe, path: path, places: places, file: file)
    case let list as [Any]:
      for (index, element) in list.enumerated() { try visit(element, "\(path)[\(index)]") }
    default: if Mirror(reflecting: value).displayStyle == .optional, let inner = unwrapped(value) { try visit(inner, path) }
    }
  }
  for property in defaults(of: recipe) { try visit(property.value, joined(path, property.key)) }
  do throws(RecipeError) { try recipe.validate() } catch {
    let at = joined(path, error.path)
    throw RecipeError(place: error.place ?? places[at] ?? places[path] ?? file, path: at, error.message)
  }
}
