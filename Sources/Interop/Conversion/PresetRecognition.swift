import Models
import NN
import Networks
import Tensors

/// Finds the published checkpoint that a state dict is, by its names and shapes.
enum PresetRecognition {
  /// The presets whose networks have exactly these tensors: several where published networks differ in nothing but numbers.
  static func presets(of shapes: CheckpointShapes) throws -> [Preset] {
    try Preset.all.filter { preset in
      let description = try preset.makeRecipe(), recipe = description.networkRecipe
      guard type(of: recipe).hasNames(shapes.names) else { return false }
      // Comparing recipes is far cheaper than building a network, and rules most of them out.
      guard RecipeEvidence(shapes, against: description).contradictions.isEmpty else { return false }
      let entries = try description.makeModule(using: .shapes).state()
      return entries.count == shapes.count && entries.allSatisfy { shapes[$0.name] == $0.entry.value.shape }
    }
  }
}
