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
  /// - Throws: `RecipeError` for a recipe that this version does not understand, `WorkflowError` for a network that does not
  ///   take its images.
  public init(recipe yaml: String) throws {
    let file = "the recipe in the file"
    try self.init(ModelKind(ofRecipe: yaml, file: file).description.init(yaml: yaml, file: file))
  }

  init(_ given: some ModelDescription) throws {
    let recipe = given.adapted()
    type = recipe.networkType
    (image, classNames) = recipe.images
    var failure: (any Error)?
    let operations = OperationCount.measure {
      do { try recipe.tryOut() } catch { failure = error }
    }
    if let failure { throw failure }
    flopsPerImage = operations.flops
  }
}
