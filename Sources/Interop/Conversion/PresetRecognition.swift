import Models
import NN
import Tensors

/// Finds the released checkpoint that a state dict is, by its names and shapes.
enum PresetRecognition {
  /// The presets whose networks have exactly these tensors: several where published networks differ in nothing but numbers.
  static func presets(of state: StateDict) throws -> [Preset] {
    // Every released network is told the time; what is not, need not be held against all of them.
    guard state["time_embed.0.weight"] != nil || state["step_embed.0.weight"] != nil else { return [] }
    return try Preset.all.filter { preset in
      let recipe = try preset.makeRecipe()
      // Far cheaper than to lay the network out, and rules out most.
      guard RecipeEvidence(state, against: recipe).contradictions.isEmpty else { return false }
      let entries = try recipe.makeModule(using: .shapes).state()
      return entries.count == state.count && entries.allSatisfy { state[$0.name]?.shape == $0.entry.value.shape }
    }
  }
}
