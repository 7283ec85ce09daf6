import Models
import NN
import Networks
import Tensors

/// The model that a bare state dict is of, as far as its names and shapes tell.
package struct RecognisedNetwork {
  /// Made of what the shapes say. Heads and the process leave no trace in them, and change neither work nor memory.
  package let model: any ModelDescription
  /// The presets whose shapes these are.
  package let presets: [String]
  /// Whether a preset or the shapes tell how large the images are; else they are `assumedSide`.
  package let knowsSize: Bool

  /// Rows and columns of images where nothing tells them.
  package static let assumedSide = 64

  /// - Parameter shapes: of tensors by name.
  /// - Returns: nil for a state dict of no network that is known.
  package init?(_ tensors: [(name: String, shape: [Int])]) {
    let state = StateDict(tensors.map { ($0.name, Tensor.empty($0.shape, on: .meta)) })
    let presets = (try? PresetRecognition.presets(of: state)) ?? []
    let models = presets.compactMap { try? $0.makeRecipe() }
    self.presets = presets.map(\.name)
    if let model = models.first {
      (self.model, knowsSize) = (model, Set(models.map(\.images.shape)).count == 1)
      return
    }
    let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    guard let found = Self.described(state, shapes).first(where: { Self.fits($0.model, state) }) else { return nil }
    (model, knowsSize) = found
  }

  private typealias Found = (model: any ModelDescription, knowsSize: Bool)

  /// What the shapes may be of.
  private static func described(_ state: StateDict, _ shapes: [String: [Int]]) -> [Found] {
    let side = assumedSide
    if let upscaler = try? RRDBNet.Recipe(recognising: state) {
      var model = UpscalerModelRecipe()
      model.upscaler = upscaler
      return [(model, true)]
    }
    if let context = ContextEvidence(shapes) { return [(context.model(side: side), false)] }
    if let nice = UNetEvidence(shapes, .nice) { return [(nice.niceModel(side: side), false)] }
    guard let unet = UNetEvidence(shapes, .openAI), unet.outChannels != nil else {
      // Where a level ends a classifier does not always tell.
      return [2, 1, 3, 4].compactMap { UNetEvidence(shapes, .openAI, numResBlocks: $0)?.classifier(shapes, side: side) }
    }
    return [(unet.superResolution(side: side) ?? unet.denoiser(side: side), false)]
  }

  /// Whether the network has just these tensors.
  private static func fits(_ model: any ModelDescription, _ state: StateDict) -> Bool {
    guard let entries = try? model.adapted().makeModule(using: .shapes).state() else { return false }
    return entries.count == state.count && entries.allSatisfy { state[$0.name]?.shape == $0.entry.value.shape }
  }
}
