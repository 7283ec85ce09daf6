import Checkpoints
import Failures
import Foundation
import NN
import Tensors

/// A model file of Sfumato, of any kind: its tensors mapped, its recipe as text, not decoded yet.
package struct ModelFile {
  package static let recipeKey = "sfumato.recipe", provenanceKey = "sfumato.provenance"

  package let path: String, kind: ModelKind
  package let recipe: String
  /// What messages call the recipe.
  package let place: String
  package let provenance: Provenance
  private let state: StateDict

  /// - Parameters:
  ///   - kind: the expected kind.
  /// - Throws: `SfumatoError` for a file without a recipe or of another kind; errors from reading it.
  package init(_ path: String, expecting kind: ModelKind) throws {
    self.path = path
    guard TensorFile.format(of: path) == .safetensors else {
      throw SfumatoError(
        .data,
        "\(path) is a checkpoint of PyTorch, without a recipe; '\(ShellCommand("sfumato", "convert", path, "model.safetensors"))' makes it a model"
      )
    }
    let contents = try Safetensors.read(path)
    guard let yaml = contents.metadata[Self.recipeKey] else {
      throw SfumatoError(
        .data,
        "\(path) is not a model of Sfumato: it carries no recipe; '\(ShellCommand("sfumato", "inspect", path))' describes it, "
          + "'sfumato convert' makes a model of the checkpoints of other systems")
    }
    place = "the recipe in \(path)"
    let found = try ModelKind(ofRecipe: yaml, file: place)
    guard found == kind else {
      throw SfumatoError(.data, "\(path) is \(found.problem(expecting: kind))")
    }
    self.kind = kind
    recipe = yaml
    provenance = Self.provenance(contents.metadata) ?? Provenance()
    state = contents.state
  }

  /// Loads the file's tensors into a network that was made with shapes alone.
  /// - Throws: `SfumatoError` when the recipe describes another network than the file contains.
  package func fill(_ network: any Module, _ description: some ModelDescription, on device: Device) throws {
    do {
      try network.adopt(state, on: device)
    } catch let mismatch as StateMismatch {
      throw SfumatoError(
        mismatch, checkpoint: path, network: "network \(description.networkType)",
        evidence: RecipeEvidence(state, against: description.adapted()))
    }
  }

  /// Writes a model file atomically.
  /// - Throws: as `Safetensors.write`.
  package static func write(_ state: StateDict, _ recipe: some ModelDescription, _ provenance: Provenance, to path: String) throws {
    try Safetensors.write(state, metadata: metadata(recipe, provenance), to: path)
  }

  /// The metadata of a model file.
  package static func metadata(_ recipe: some ModelDescription, _ provenance: Provenance) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return [recipeKey: recipe.yaml(), provenanceKey: String(decoding: try encoder.encode(provenance), as: UTF8.self)]
  }

  package static func provenance(_ metadata: [String: String]) -> Provenance? {
    metadata[provenanceKey].flatMap { try? JSONDecoder().decode(Provenance.self, from: Data($0.utf8)) }
  }
}
