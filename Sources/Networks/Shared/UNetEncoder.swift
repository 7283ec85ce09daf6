import NN
import RecipeKit
import Tensors

/// Shows a block's output under the block's name.
package typealias BlockObserver = (String, Tensor) -> Void

/// The embedding of time, class, context and augmentation, the encoder and the middle block: the half that UNets and classifiers share.
final class UNetEncoder<Names: UNetNames>: Module, PreparedOnce {
  typealias StateKeys = Names.Encoder

  let timeIn: Linear, timeOut: Linear
  let labelEmb: Embedding?, contextEmb: Linear?, mapAugment: Linear?
  let inputBlocks: [[any UNetLayer]]
  let middleBlock: [any UNetLayer]
  private let modelChannels: Int
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  init(_ recipe: ADMUNet.Recipe, _ plan: UNetPlan, using initializer: Initializer) throws {
    modelChannels = recipe.modelChannels
    let width = recipe.embeddingWidth
    timeIn = Linear(modelChannels, width, using: initializer)
    timeOut = Linear(width, width, using: initializer)
    labelEmb = recipe.numClasses.map { Embedding($0, width, using: initializer) }
    contextEmb = recipe.contextDim.map { Linear($0, width, using: initializer) }
    mapAugment = recipe.augmentDim.map { Linear($0, recipe.modelChannels, bias: false, using: initializer) }
    try mapAugment?.zero()
    func make(_ layers: [UNetPlan.Layer]) throws -> [any UNetLayer] {
      try layers.map { try $0.make(recipe, Names.self, using: initializer) }
    }
    inputBlocks = try plan.input.map(make)
    middleBlock = try make(plan.middle)
  }

  /// The time embedding, plus the class's and the context's: `[N, 4 model_channels]` float32. The augmentation labels are added to the
  /// time's, as in EDM's form of this network: before the two linear maps.
  func embed(_ timesteps: Tensor, _ conditioning: Conditioning) -> Tensor {
    var time = timestepEmbedding(timesteps, dimension: modelChannels)
    if let mapAugment, let labels = conditioning.augmentation { time = (time + mapAugment(labels)).arising(in: "map_augment") }
    var emb = timeOut(silu(timeIn(time))).arising(in: "time_embed")
    if let labelEmb, let labels = conditioning.labels { emb = (emb + labelEmb(labels)).arising(in: "label_emb") }
    if let contextEmb, let context = conditioning.context { emb = (emb + contextEmb(context)).arising(in: "context_emb") }
    return emb
  }

  /// - Parameters: x: `[N, C, H, W]`; emb: of `embed`.
  /// - Returns: the output of every input block, and of the middle block, channels last.
  func callAsFunction(
    _ x: Tensor, _ emb: Tensor, mode: Mode, observe: BlockObserver = { _, _ in }
  ) -> (inputs: [Tensor], middle: Tensor) {
    var h = x.to(preparedDType ?? .float32).channelsLast()
    var inputs: [Tensor] = []
    for (i, block) in inputBlocks.enumerated() {
      h = run(block, h, emb, mode: mode, name: "\(Names.inputBlocks).\(i)", observe)
      inputs.append(h)
    }
    return (inputs, run(middleBlock, h, emb, mode: mode, name: "middle_block", observe))
  }

  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}

/// The layers of a block, one after the other.
func run(
  _ block: [any UNetLayer], _ x: Tensor, _ emb: Tensor, mode: Mode, name: String, _ observe: BlockObserver
) -> Tensor {
  let y = block.reduce(x) { h, layer in layer(h, emb, mode: mode) }.arising(in: name)
  observe(name, y)
  return y
}
