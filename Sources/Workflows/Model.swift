import Foundation
import Networks
import Tensors

/// How a model came to be.
public struct Provenance: Codable, Sendable, Equatable {
  public var step = 0, images = 0
  public var seed: UInt64 = 0
  public var sfumato = sfumatoVersion
  public var libtorch = Torch.headerVersion
  /// The file of another system that it was made of, where it was not trained here.
  public var convertedFrom: String? = nil
}

/// A trained network with the recipe that it carries. Not Sendable: a network belongs to the thread that computes with it.
public final class Model {
  public let recipe: ModelRecipe
  public let provenance: Provenance
  public let network: any DiffusionNetwork

  public static let recipeKey = ModelFile.recipeKey, provenanceKey = ModelFile.provenanceKey

  public init(recipe: ModelRecipe, provenance: Provenance, network: any DiffusionNetwork) {
    self.recipe = recipe
    self.provenance = provenance
    self.network = network
  }

  /// Reads a model for sampling.
  /// - Parameter model: a file, the folder of a training, a diffusers folder, or the name of a model that comes along.
  /// - Throws: `WorkflowError` when there is none, or the file is no model of ours or one of another kind; what reading it throws.
  public convenience init(_ model: String, on device: Device = .cpu) throws {
    let path = try ModelLocator.path(of: model)
    if DiffusersFolder.isOne(path) {
      let folder = try DiffusersFolder(path)
      let network = try Self.shape(of: folder.recipe)
      try folder.fill(network, on: device)
      self.init(recipe: folder.recipe, provenance: Provenance(), network: network)
      return
    }
    let file = try ModelFile(model, expecting: .denoiser)
    let recipe = try ModelRecipe(yaml: file.recipe, file: file.place)
    let network = try Self.shape(of: recipe)
    try file.fill(network, recipe, on: device)
    self.init(recipe: recipe, provenance: file.provenance, network: network)
  }

  /// A recipe's network without numbers, which takes the images.
  private static func shape(of recipe: ModelRecipe) throws -> any DiffusionNetwork {
    let network = try recipe.network.member.makeNetwork(using: .shapes)
    try NetworkTrial.run(network, recipe)
    return network
  }

  /// Class names or numbers, as numbers.
  /// - Throws: `WorkflowError` that names the classes there are.
  public func classNumbers(_ names: [String]) throws -> [Int] { try recipe.data.classNumbers(names) }
}

extension DataFacts {
  /// Class names or numbers, as numbers.
  /// - Throws: `WorkflowError` that names the classes there are.
  func classNumbers(_ names: [String]) throws -> [Int] {
    let known = classNames
    return try names.map { name in
      if let index = known.firstIndex(of: name) { return index }
      if let index = Int(name), known.indices.contains(index) { return index }
      let list = known.count <= 40 ? known.joined(separator: ", ") : "\(known.prefix(40).joined(separator: ", ")) …"
      throw WorkflowError(
        .usage,
        known.isEmpty ? "this model has no classes, so there is no class '\(name)'" : "there is no class '\(name)'; the classes are \(list)"
      )
    }
  }
}
