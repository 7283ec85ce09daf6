import Foundation
import Networks
import Tensors

/// A trained network with the recipe that it carries. Not Sendable: a network belongs to the thread that computes with it.
public final class Model {
  public let recipe: ModelRecipe
  public let provenance: Provenance
  public let network: any DiffusionNetwork

  public static var recipeKey: String { ModelFile.recipeKey }
  public static var provenanceKey: String { ModelFile.provenanceKey }

  public init(recipe: ModelRecipe, provenance: Provenance, network: any DiffusionNetwork) {
    self.recipe = recipe
    self.provenance = provenance
    self.network = network
  }

  /// Reads a model for sampling.
  /// - Parameter path: the model file.
  /// - Throws: `SfumatoError` for a file without a recipe or of another kind; what reading it throws.
  public convenience init(file path: String, on device: Device = .cpu) throws {
    let file = try ModelFile(path, expecting: .denoiser)
    let recipe = try ModelRecipe(yaml: file.recipe, file: file.place)
    let network = try Self.shape(of: recipe)
    try file.fill(network, recipe, on: device)
    self.init(recipe: recipe, provenance: file.provenance, network: network)
  }

  /// A recipe's network with shapes alone, checked to take the images.
  package static func shape(of recipe: ModelRecipe) throws -> any DiffusionNetwork {
    let network = try recipe.makeNetwork(using: .shapes)
    try NetworkDryRun.run(network, recipe)
    return network
  }

  /// Class names or numbers, as numbers.
  /// - Throws: `SfumatoError` that names the classes there are.
  public func classNumbers(_ names: [String]) throws -> [Int] { try recipe.data.classNumbers(names) }
}
