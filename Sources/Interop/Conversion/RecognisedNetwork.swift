import Models
import NN
import Networks
import Tensors

/// The model that a checkpoint without a recipe belongs to, as far as the names and shapes of its tensors show.
package struct RecognisedNetwork {
  /// Made from what the shapes show. Heads and the process leave no trace in them, and change neither operations nor memory.
  package let model: any ModelDescription
  /// The presets with these shapes.
  package let presets: [String]
  /// Whether a preset or the shapes show how large the images are; else they are `assumedSide`.
  package let knowsSize: Bool

  /// Rows and columns of images where nothing shows them.
  package static let assumedSide = 64

  /// - Parameter shapes: of tensors by name.
  /// - Returns: nil for the checkpoint of a network of no registry.
  package init?(_ tensors: [(name: String, shape: [Int])]) {
    let shapes = CheckpointShapes(tensors)
    let presets = (try? PresetRecognition.presets(of: shapes)) ?? []
    let models = presets.compactMap { try? $0.makeRecipe() }
    self.presets = presets.map(\.name)
    if let model = models.first {
      (self.model, knowsSize) = (model, Set(models.map(\.images.shape)).count == 1)
      return
    }
    guard let found = Self.recognised(from: shapes) else { return nil }
    (model, knowsSize) = (found.description, found.knowsSize)
  }

  /// The model of whichever kind whose network has exactly these tensors, presets aside.
  static func recognised(from shapes: CheckpointShapes) -> RecognisedModel? {
    ModelKind.allCases.lazy.compactMap { $0.description.recognised(from: shapes, side: assumedSide) }.first
  }
}

extension ModelKind {
  /// The kind whose networks have tensors of these names, whatever their shapes; the first where several do, and nil for a network
  /// that is known not to be supported.
  package init?(tensorNames names: [String]) {
    guard UnsupportedArchitecture(of: names) == nil else { return nil }
    let kind = Self.allCases.first { kind in kind.networks.contains { $0.hasNames(names) } }
    guard let kind else { return nil }
    self = kind
  }

  /// The networks of the kind that can be recognised.
  private var networks: [any RecognisableRecipe.Type] {
    switch self {
    case .denoiser: NetworkRegistry.recognisable
    case .classifier: ClassifierRegistry.recognisable
    case .superResolution: RestoringNetworkRegistry.recognisable
    case .upscaler: UpscalerRegistry.recognisable
    }
  }
}
