import NN
import Networks
import Tensors

/// The model that a bare state dict is of, as far as its names and shapes tell.
struct RecognisedNetwork {
  /// Made of what the shapes say. Heads and the process leave no trace in them, and change neither work nor memory.
  let model: any MemoryTraced
  /// The presets whose shapes these are.
  let presets: [String]
  /// Whether a preset or the shapes tell how large the images are; else they are `assumedSide`.
  let knowsSize: Bool

  /// Rows and columns of images where nothing tells them.
  static let assumedSide = 64

  /// - Parameter shapes: of tensors by name.
  /// - Returns: nil for a state dict of no network that is known.
  init?(_ tensors: [(name: String, shape: [Int])]) {
    let state = StateDict(tensors.map { ($0.name, Tensor.empty($0.shape, on: .meta)) })
    let presets = (try? PresetRecognition.presets(of: state)) ?? []
    let models = presets.compactMap { (try? $0.makeRecipe()) as? any MemoryTraced }
    self.presets = presets.map(\.name)
    if let model = models.first {
      (self.model, knowsSize) = (model, Set(models.map(\.images.shape)).count == 1)
      return
    }
    let shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    guard let (model, knowsSize) = Self.described(state, shapes), Self.fits(model, state) else { return nil }
    (self.model, self.knowsSize) = (model, knowsSize)
  }

  private static func described(_ state: StateDict, _ shapes: [String: [Int]]) -> (any MemoryTraced, knowsSize: Bool)? {
    let side = assumedSide
    if let upscaler = try? RRDBNet.Recipe(recognising: state) {
      var model = UpscalerModelRecipe()
      model.upscaler = upscaler
      return (model, true)
    }
    if let context = ContextEvidence(shapes) { return (context.model(side: side), false) }
    if let nice = UNetEvidence(shapes, .nice) { return (nice.niceModel(side: side), false) }
    guard let unet = UNetEvidence(shapes, .openAI) else { return nil }
    if unet.outChannels == nil { return unet.classifier(shapes, side: side) }
    return (unet.superResolution(side: side) ?? unet.denoiser(side: side), false)
  }

  /// Whether the network has just these tensors.
  private static func fits(_ model: some MemoryTraced, _ state: StateDict) -> Bool {
    guard let entries = try? model.shapedNetwork().module.state() else { return false }
    return entries.count == state.count && entries.allSatisfy { state[$0.name]?.shape == $0.entry.value.shape }
  }
}
