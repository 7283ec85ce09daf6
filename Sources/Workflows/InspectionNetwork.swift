import Networks
import Tensors

/// What a model's recipe says of its network.
public struct NetworkSummary: Codable, Sendable, Equatable {
  /// The word after `type:`.
  public var type: String
  /// Channels, height, width of the images.
  public var image: [Int]
  public var classNames: [String]
  /// Floating-point operations of a forward pass of one image, a multiplication and an addition counted as two.
  public var flopsPerImage: Double

  /// - Parameter recipe: the YAML that a model file carries.
  /// - Throws: `RecipeError` for a recipe that this version does not understand, `TorchFault` for a network that does not
  ///   take its images.
  public init(recipe: String) throws {
    let recipe = try ModelRecipe(yaml: recipe, file: "the recipe in the file")
    type = recipe.network.type
    image = [recipe.data.channels, recipe.data.height, recipe.data.width]
    classNames = recipe.data.classNames
    flopsPerImage = try BenchmarkSubject(recipe, name: type).count(batch: 1).operations.flops
  }
}
