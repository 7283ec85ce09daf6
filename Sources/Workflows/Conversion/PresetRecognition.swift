import NN
import Tensors

/// Finds the released checkpoint that a state dict is, by its names and shapes.
enum PresetRecognition {
  /// The presets whose networks have exactly these tensors: several where published networks differ in nothing but numbers.
  static func presets(of state: StateDict, among all: [Preset] = Preset.all) throws -> [Preset] {
    try all.filter { preset in
      let module = try preset.makeRecipe().makeModule(using: .shapes)
      let entries = module.state()
      return entries.count == state.count && entries.allSatisfy { state[$0.name]?.shape == $0.entry.value.shape }
    }
  }
}
