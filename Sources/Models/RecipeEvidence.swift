import Networks
import RecipeKit
import Tensors

/// Which fields of a recipe the shapes of a checkpoint contradict.
package struct RecipeEvidence {
  /// `network.model_channels: 128` by the checkpoint, `192` by the recipe.
  package struct Contradiction: Equatable {
    package let field: String, checkpoint: String, recipe: String
  }
  /// Empty also for the checkpoint of another network, of which nothing can be said.
  package let contradictions: [Contradiction]

  /// - Parameter description: adapted to its data.
  package init(_ shapes: CheckpointShapes, against description: any ModelDescription) {
    contradictions = Self.contradictions(shapes, description.networkRecipe, under: type(of: description).kind.section)
  }

  package init(_ state: StateDict, against description: any ModelDescription) {
    self.init(CheckpointShapes(state), against: description)
  }

  private static func contradictions(
    _ shapes: CheckpointShapes, _ recipe: some RecognisableRecipe, under section: String
  ) -> [Contradiction] {
    guard let fitted = recipe.fitted(to: shapes) else { return [] }
    return zip(Line.all(of: fitted), Line.all(of: recipe)).compactMap { found, own in
      guard found.value != own.value else { return nil }
      return Contradiction(field: "\(section).\(found.path)", checkpoint: found.value, recipe: own.value)
    }
  }
}

/// A key of a recipe and its value, as YAML prints them.
private struct Line {
  /// Keys from the root, joined by dots.
  let path: String
  var value: String

  /// One for each key, so that two recipes of one type have the same.
  static func all(of recipe: some Recipe) -> [Line] {
    var keys: [String] = [], lines: [Line] = []
    for line in recipe.yaml().split(separator: "\n") {
      let depth = line.prefix { $0 == " " }.count / 2, text = line.dropFirst(2 * depth)
      if text.hasPrefix("- "), !lines.isEmpty {  // a list too long for one line
        lines[lines.count - 1].value += lines[lines.count - 1].value.isEmpty ? text : " \(text)"
        continue
      }
      let key = text.prefix { $0 != ":" }
      keys = keys.prefix(depth) + [String(key)]
      lines.append(Line(path: keys.joined(separator: "."), value: String(text.dropFirst(key.count + 1).drop { $0 == " " })))
    }
    return lines
  }
}
