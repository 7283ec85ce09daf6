import Diffusion
import Failures
import Foundation
import RecipeKit
import Workflows

/// A bundled recipe as a form: every value with its default, and the settings of a filled form as those of the command line.
struct RecipeForm {
  let name: String, path: String

  /// Values that name files, or processes of the machine: never taken from a request.
  private static let closed: Set = ["training.initial_weights", "training.initial_weights_partial", "guides"]
  private static func isClosed(_ path: String) -> Bool {
    // A teacher of a distillation is a model's file, and so are the features of an evaluation.
    closed.contains(path) || ["data", "distillation", "evaluation"].contains { path == $0 || path.hasPrefix("\($0).") }
  }

  static var bundled: [String: String] { BundledFiles.named(in: "recipes", ending: ".yaml") }

  /// - Throws: `Problem` 404 with the nearest name.
  init(_ name: String) throws {
    let bundled = Self.bundled
    guard let path = bundled[name] else {
      throw Problem(
        404, "there is no recipe '\(name.prefix(60))'; \(Suggestion.phrase(for: String(name.prefix(60)), among: bundled.keys.sorted()))")
    }
    (self.name, self.path) = (name, path)
  }

  /// The recipe's text, and its first comment as title.
  func text() throws -> (title: String, text: String) {
    guard let data = FileManager.default.contents(atPath: path), data.count < 1 << 20 else {
      throw Problem(404, "the recipe '\(name)' is gone")
    }
    let text = String(decoding: data, as: UTF8.self)
    let first = text.split(separator: "\n").first.map(String.init) ?? ""
    return (first.hasPrefix("#") ? String(first.drop { "# ".contains($0) }) : name, text)
  }

  // MARK: Fields

  func fields() throws -> [JSON] {
    let defaults = Dictionary(try RecipeInspection.fields(nil).map { ($0.path, $0.text) }) { first, _ in first }
    let comments = try Self.comments(in: text().text)
    return try RecipeInspection.fields(path).filter { !Self.isClosed($0.path) }.map { field in
      .members([
        "path": .string(field.path), "kind": .string(Self.kind(of: field)), "default": defaults[field.path].map(Self.json) ?? .null,
        "value": Self.json(field.text), "choices": field.choices.map(JSON.strings),
        "documentation": .string(FieldDocumentation.text(for: field.path) ?? comments[field.path] ?? ""),
      ])
    }
  }

  static func kind(of field: RecipeField) -> String {
    guard field.choices == nil else { return "choice" }
    switch json(field.text) {
    case .boolean: return "boolean"
    case .integer: return "integer"
    case .number: return "number"
    default: return "text"
    }
  }

  /// A scalar of YAML as a value.
  static func json(_ text: String) -> JSON {
    switch text {
    case "null": .null
    case "true": true
    case "false": false
    default: Int(text).map(JSON.integer) ?? Double(text).map(JSON.number) ?? .string(text.hasPrefix("\"") ? unquoted(text) : text)
    }
  }

  private static func unquoted(_ text: String) -> String { (try? JSON(parsing: Data(text.utf8)))?.string ?? text }

  /// The comments behind values in a recipe file, by path.
  private static func comments(in text: String) -> [String: String] {
    var comments: [String: String] = [:], path: [(indent: Int, key: String)] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let indent = line.prefix { $0 == " " }.count, rest = line.dropFirst(indent)
      guard let colon = rest.firstIndex(of: ":") else { continue }
      while let last = path.last, last.indent >= indent { path.removeLast() }
      path.append((indent, String(rest[..<colon])))
      if let mark = rest.range(of: " # ") { comments[path.map(\.key).joined(separator: ".")] = String(rest[mark.upperBound...]) }
    }
    return comments
  }

  // MARK: Settings

  /// The settings of a filled form, in the form of the command line.
  ///
  /// A setting may be a value alone, of a path that the recipe has: a section in its place could name files.
  /// - Parameters:
  ///   - values: by path.
  ///   - data: settings of the data set, which the server makes.
  /// - Throws: `Problem` 422; `RecipeError` for impossible values.
  func settings(_ values: [String: JSON], data: [String]) throws -> [String] {
    let types = values.filter { $0.key.hasSuffix(".type") }
    let chosen = try Self.written(types, among: RecipeInspection.fields(path).map(\.path))
    let known = try RecipeInspection.fields(path, set: data + chosen).map(\.path)
    let settings = try chosen + Self.written(values.filter { types[$0.key] == nil }, among: known)
    let before = try RecipeInspection.fields(path, set: data), after = try RecipeInspection.fields(path, set: data + settings)
    func closed(_ fields: [RecipeField]) -> [String] { fields.filter { Self.isClosed($0.path) }.map { "\($0.path)=\($0.text)" } }
    guard closed(before) == closed(after) else { throw Problem(422, "the settings would change which files are read") }
    return data + settings
  }

  private static func written(_ values: [String: JSON], among known: [String]) throws -> [String] {
    try values.sorted { $0.key < $1.key }.map { path, value in
      guard !isClosed(path) else {
        throw Problem(
          422, "'\(path.prefix(60))' cannot be set here", hint: "choose data by its id; files are read by the command line alone")
      }
      guard known.contains(path) else {
        let nearest = Suggestion.nearest(to: path, among: known.filter { !isClosed($0) }).map { "did you mean '\($0)'?" }
        throw Problem(422, "unknown setting '\(path.prefix(60))'; \(nearest ?? "the fields of the recipe list what there is")")
      }
      let text = value.string ?? value.text
      guard !text.unicodeScalars.contains(where: { "\n\r{}&*!|>%@`".unicodeScalars.contains($0) }), !text.contains(": ") else {
        throw Problem(422, "'\(path)' is '\(text.prefix(60))'; expected a number, a word or a list of them")
      }
      return "\(path)=\(text)"
    }
  }
}
