import Failures
import Models
import RecipeKit
import Tensors

/// A model that guides a stronger one of the same data and process; see `Autoguidance`.
struct WeakerModel {
  let model: Model

  /// - Parameters:
  ///   - name: as the user named it.
  ///   - recipe: of the stronger model.
  /// - Throws: `SfumatoError` that says what differs, and for settings that do not go with it; errors from reading the model.
  init(_ name: String, than recipe: ModelRecipe, _ sampling: SamplingRecipe, on device: Device) throws {
    model = try Model(name, on: device)
    guard sampling.guidanceRescale == 0 else {
      throw SfumatoError(
        .usage, "sampling.guidance_rescale \(sampling.guidanceRescale) is of guidance by the null class; expected 0 with a weaker model")
    }
    guard let difference = Self.difference(recipe, model.recipe) else { return }
    throw SfumatoError(
      .usage,
      "\(name) cannot guide this model: \(difference); expected a weaker version of it, an earlier checkpoint or a smaller network of the same data "
        + "and process")
  }

  /// The first line in which data or process of two models differ; nil where both are the same.
  private static func difference(_ strong: ModelRecipe, _ weak: ModelRecipe) -> String? {
    let sections: [(String, String, String)] = [
      ("data", strong.data.yaml(), weak.data.yaml()), ("process", strong.process.yaml(), weak.process.yaml()),
    ]
    for (section, own, other) in sections where own != other {
      let lines = zip(own.split(separator: "\n"), other.split(separator: "\n")).first { $0 != $1 }
      let words = { (line: Substring) in line.trimmingPrefix { $0 == " " } }
      return lines.map { "its \(section) has \(words($1)) in place of \(words($0))" } ?? "its \(section) differs"
    }
    return nil
  }
}
