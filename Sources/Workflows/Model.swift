import Checkpoints
import Diffusion
import Foundation
import NN
import Networks
import RecipeKit
import Tensors

/// How a model came to be.
public struct Provenance: Codable, Sendable, Equatable {
  public var step = 0, images = 0
  public var seed: UInt64 = 0
  public var sfumato = sfumatoVersion
  public var libtorch = Torch.headerVersion
}

/// A trained network with the recipe that it carries. Not Sendable: a network belongs to the thread that computes with it.
public final class Model {
  public let recipe: ModelRecipe
  public let provenance: Provenance
  public let network: any DiffusionNetwork

  public static let recipeKey = "sfumato.recipe", provenanceKey = "sfumato.provenance"

  public init(recipe: ModelRecipe, provenance: Provenance, network: any DiffusionNetwork) {
    self.recipe = recipe
    self.provenance = provenance
    self.network = network
  }

  /// Reads a model for sampling.
  /// - Parameter model: a file, the folder of a training, a diffusers folder, or the name of a model that comes along.
  /// - Throws: `WorkflowError` when there is none or the file is no model of ours; what reading it throws.
  public convenience init(_ model: String, on device: Device = .cpu) throws {
    let path = try ModelLocator.path(of: model)
    if DiffusersFolder.isOne(path) {
      let folder = try DiffusersFolder(path)
      try self.init(folder.recipe, Provenance(), folder.readState(), of: folder.weights, on: device)
      return
    }
    let contents = try Safetensors.read(path)
    guard let yaml = contents.metadata[Self.recipeKey] else {
      throw WorkflowError(.data, "\(path) is no model of Sfumato: it carries no recipe; 'sfumato inspect \(path)' says what it holds")
    }
    let recipe = try ModelRecipe(yaml: yaml, file: "the recipe in \(path)")
    let provenance = contents.metadata[Self.provenanceKey].flatMap { try? JSONDecoder().decode(Provenance.self, from: Data($0.utf8)) }
    try self.init(recipe, provenance ?? Provenance(), contents.state, of: path, on: device)
  }

  /// The network of a recipe with the state that was read from a file.
  private convenience init(_ recipe: ModelRecipe, _ provenance: Provenance, _ state: StateDict, of path: String, on device: Device) throws {
    let network = try recipe.network.member.makeNetwork(using: .shapes)
    try NetworkTrial.run(network, recipe)
    do {
      try network.adopt(state, on: device)
    } catch let mismatch as StateMismatch {
      throw WorkflowError(mismatch, checkpoint: path, network: recipe.network.type)
    }
    self.init(recipe: recipe, provenance: provenance, network: network)
  }

  /// The metadata of a model file.
  static func metadata(_ recipe: ModelRecipe, _ provenance: Provenance) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return [recipeKey: recipe.yaml(), provenanceKey: String(decoding: try encoder.encode(provenance), as: UTF8.self)]
  }

  /// Class names or numbers, as numbers.
  /// - Throws: `WorkflowError` that names the classes there are.
  public func classNumbers(_ names: [String]) throws -> [Int] {
    let known = recipe.data.classNames
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
