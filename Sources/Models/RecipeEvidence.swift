import Networks
import RecipeKit
import Tensors

/// Which fields of a recipe the shapes of a checkpoint contradict.
package struct RecipeEvidence {
  /// `network.model_channels: 128` by the checkpoint, `192` by the recipe.
  package struct Contradiction: Equatable {
    package let field: String, checkpoint: String, recipe: String
  }
  package let contradictions: [Contradiction]

  /// - Parameter recipe: adapted to its data. What the shapes say nothing of, contradicts nothing.
  package init(_ state: StateDict, against recipe: any ModelDescription) {
    let shapes = Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, $0.tensor.shape) })
    switch recipe {
    case let recipe as ModelRecipe: contradictions = Self.network(shapes, recipe.network.member)
    case let recipe as ClassifierModelRecipe: contradictions = Self.classifier(shapes, recipe.classifier.member)
    case let recipe as SuperResolutionModelRecipe: contradictions = Self.superResolution(shapes, recipe.superResolution)
    case let recipe as UpscalerModelRecipe: contradictions = Self.upscaler(state, recipe.upscaler)
    default: contradictions = []
    }
  }

  private static func network(_ shapes: [String: [Int]], _ recipe: any NetworkRecipe) -> [Contradiction] {
    switch recipe {
    case let recipe as ADMUNet.Recipe:
      guard let evidence = UNetEvidence(shapes, .openAI, numResBlocks: recipe.numResBlocks) else { return [] }
      return differences(evidence.laid(over: recipe), recipe, under: "network")
    case let recipe as NiceUNet.Recipe:
      guard let evidence = UNetEvidence(shapes, .nice, numResBlocks: recipe.numResBlocks) else { return [] }
      return differences(evidence.laid(over: recipe), recipe, under: "network")
    case let recipe as ContextUNet.Recipe:
      guard let evidence = ContextEvidence(shapes) else { return [] }
      return differences(evidence.laid(over: recipe), recipe, under: "network")
    case let recipe as UNet2DModel.Recipe:
      guard let evidence = UNet2DEvidence(shapes) else { return [] }
      return differences(evidence.laid(over: recipe), recipe, under: "network")
    default: return []
    }
  }

  private static func superResolution(_ shapes: [String: [Int]], _ recipe: SuperResolutionUNet.Recipe) -> [Contradiction] {
    guard var evidence = UNetEvidence(shapes, .openAI, numResBlocks: recipe.unet.numResBlocks) else { return [] }
    evidence.inChannels = (evidence.inChannels - recipe.resolvedNumCorruptions) / 2
    return differences(evidence.laid(over: recipe.unet), recipe.unet, under: "super_resolution.unet")
  }

  private static func classifier(_ shapes: [String: [Int]], _ recipe: any ClassifierRecipe) -> [Contradiction] {
    guard let recipe = recipe as? EncoderClassifier.Recipe,
      let evidence = UNetEvidence(shapes, .openAI, numResBlocks: recipe.numResBlocks)
    else { return [] }
    return differences(evidence.laid(over: recipe), recipe, under: "classifier")
  }

  private static func upscaler(_ state: StateDict, _ recipe: RRDBNet.Recipe) -> [Contradiction] {
    (try? RRDBNet.Recipe(recognising: state)).map { differences($0, recipe, under: "upscaler") } ?? []
  }

  /// The lines in which two recipes of one kind differ.
  private static func differences(_ found: some Recipe, _ recipe: some Recipe, under section: String) -> [Contradiction] {
    zip(found.yaml().split(separator: "\n"), recipe.yaml().split(separator: "\n")).compactMap { found, said in
      guard found != said else { return nil }
      let key = found.prefix { $0 != ":" }
      return Contradiction(
        field: "\(section).\(key)", checkpoint: String(found.dropFirst(key.count + 2)), recipe: String(said.dropFirst(key.count + 2)))
    }
  }
}
