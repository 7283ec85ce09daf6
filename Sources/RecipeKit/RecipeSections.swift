/// What a YAML text consists of, before it is known which recipe it is.
public enum RecipeSections {
  /// The keys of the outermost section, in their order.
  /// - Throws: `RecipeError` for YAML that cannot be read or whose root is no section.
  public static func keys(ofYAML yaml: String, file: String = "recipe") throws(RecipeError) -> [String] {
    guard let value = try YAMLValue(yaml: yaml, file: file) else { return [] }
    guard let entries = value.entries else {
      throw RecipeError(place: value.place, "expected a section of keys and values, found \(value.summary)")
    }
    return entries.map(\.key)
  }
}
