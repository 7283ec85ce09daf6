import Failures
import Foundation
import RecipeKit

/// Resolves RECIPE: a file, or a bundled recipe by its name or by its path in a clone, so that what documents say works where the program
/// is installed: `glyphs`, `glyphs.yaml`, `recipes/glyphs.yaml`.
enum RecipeLocator {
  /// - Throws: `SfumatoError` with the recipe that may be meant, or those that there are.
  static func locate(_ recipe: String) throws -> String {
    try locate(recipe, among: BundledFiles.named(in: "recipes", ending: ".yaml"))
  }

  /// - Parameter bundled: name to path; a file of that name takes precedence, a folder does not.
  static func locate(_ recipe: String, among bundled: [String: String]) throws -> String {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: recipe, isDirectory: &isFolder)
    if exists, !isFolder.boolValue { return recipe }
    let name = recipe.without(prefix: "recipes/").without(suffix: ".yaml")
    if let path = bundled[name] { return path }
    guard !exists else { throw SfumatoError(.data, "\(recipe) is a folder; expected a recipe, a YAML file") }
    throw SfumatoError(.missing, "\(recipe): no such recipe\(hint(recipe, name, bundled.keys.sorted()))")
  }

  private static func hint(_ recipe: String, _ name: String, _ names: [String]) -> String {
    if FileManager.default.fileExists(atPath: "\(recipe).yaml") { return "; did you mean \(recipe).yaml?" }
    if let name = Suggestion.nearest(to: name, among: names) { return "; did you mean the bundled recipe '\(name)'?" }
    return name.contains("/") || names.isEmpty ? "" : "; bundled recipes: \(names.joined(separator: ", "))"
  }
}

extension String {
  fileprivate func without(prefix: String) -> String { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self }
  fileprivate func without(suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
