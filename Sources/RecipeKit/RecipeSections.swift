import Failures
import Foundation

/// The sections of a YAML text, before it is known which recipe it is.
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

  /// The keys of a file's outermost section.
  /// - Throws: `RecipeError`, also when there is no such file.
  public static func keys(ofFile path: String) throws(RecipeError) -> [String] { try keys(ofYAML: text(of: path), file: path) }

  /// A recipe file's text, of which no more is read than a recipe may have.
  package static func text(of path: String) throws(RecipeError) -> String {
    // Opening a pipe would wait for its writer. One that this process has open, such as /dev/stdin, is read.
    if case .impossible = WritingTarget(path) { throw RecipeError(place: path, "is not a file; expected a recipe, a text file of YAML") }
    guard let file = FileHandle(forReadingAtPath: path) else {
      let exists = FileManager.default.fileExists(atPath: path)
      throw RecipeError(place: path, exists ? "the recipe may not be read" : RecipeError.noSuchRecipe)
    }
    let data: Data
    do { data = try file.read(upToCount: YAMLValue.sizeLimit + 1) ?? Data() } catch {
      throw RecipeError(place: path, "the recipe cannot be read; expected a text file")
    }
    guard !data.isEmpty else {
      throw RecipeError(place: path, "is empty; expected a recipe, a text file of YAML: if it was copied or downloaded, do that again")
    }
    switch ForeignFormat(data) {
    case nil, .text, .json: break
    case let foreign?: throw RecipeError(place: path, foreign.problem(expected: "a recipe, a text file of YAML"))
    }
    guard let text = String(data: data, encoding: .utf8) else { throw RecipeError(place: path, "the recipe is not UTF-8 text") }
    return text
  }
}
