import Datasets
import Networks
import RecipeKit

/// Implementation of `sfumato recipe`.
public enum RecipeInspection {
  /// A recipe with every default filled in, as YAML.
  public static func resolved(_ path: String?, set: [String] = []) throws -> String { try recipe(path, set: set).yaml() }

  /// The values of a recipe with every default filled in.
  public static func fields(_ path: String?, set: [String] = []) throws -> [RecipeField] { try recipe(path, set: set).fields }

  private static func recipe(_ path: String?, set: [String]) throws -> TrainRecipe {
    try path.map { try TrainRecipe(file: $0, set: set) } ?? TrainRecipe(yaml: "", set: set)
  }

  public struct Facts: Sendable, Equatable {
    public let images: Int, classes: Int, parameters: Int
  }

  /// Opens the data and builds the network on the meta device.
  /// - Throws: errors of the recipe or the data.
  public static func check(_ path: String, set: [String] = []) throws -> Facts {
    let recipe = try TrainRecipe(file: path, set: set)
    let dataset = try recipe.data.member.open()
    let network = try recipe.model(for: dataset).makeModule(using: .shapes)
    return Facts(images: dataset.count, classes: dataset.classNames.count, parameters: network.parameterCount)
  }
}
