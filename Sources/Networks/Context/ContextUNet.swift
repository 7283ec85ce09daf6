import NN
import RecipeKit
import Tensors

/// A small UNet whose decoder is conditioned on a context: at every upsampling level the context's embedding is multiplied in and the
/// time's is added,
///
///     h ← up(context ∘ h + time, skip)
///
/// The context is a class, one-hot, or a free vector such as a text's embedding; zeros stand for none. Between encoder and
/// decoder everything passes through one vector, the mean over all positions, so that every pixel can depend on every other
/// without attention. Images of any size are padded to the next size that the levels can halve, and the result cropped.
public final class ContextUNet: DiffusionNetwork {
  public let recipe: Recipe
  let initConv: Conv2d
  let down: [[ContextBlock]]
  let bottleneck: Bottleneck
  let up: [ContextLevel]
  let outNorm: GroupNorm, outConv: Conv2d

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let channels = recipe.channelMult.indices.map(recipe.channels), top = channels[0]
    initConv = Conv2d(recipe.resolvedInChannels, top, using: initializer)
    down = (1..<channels.count).map { level in
      ContextBlock.row(recipe.numResBlocks, channels[level - 1], channels[level], .down, recipe, using: initializer)
    }
    bottleneck = Bottleneck(channels.last ?? top, using: initializer)
    up = (1..<channels.count).reversed().map { level in
      ContextLevel(channels[level], channels[level - 1], recipe, using: initializer)
    }
    outNorm = ContextBlock.norm(2 * top, using: initializer)
    outConv = Conv2d(2 * top, recipe.resolvedOutChannels, using: initializer)
    try outConv.zero()
  }

  /// - Parameter conditioning: `labels` or `context`, as the recipe says; without them there is no context.
  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    if let problem = recipe.inputs.problem(with: x, timesteps, conditioning) { return problem }
    let time = timestepEmbedding(timesteps, dimension: recipe.modelChannels)
    let context = context(conditioning, images: x.size(0), on: x.device)
    let padded = x.padded(toMultiplesOf: recipe.sizeStep)
    let first = initConv(padded.to(bottleneck.preparedDType ?? .float32).channelsLast()).arising(in: "init_conv")
    var h = first, skips: [Tensor] = []
    for (i, blocks) in down.enumerated() {
      h = blocks.reduce(h) { h, block in block(h, mode: mode) }.arising(in: "down.\(i)")
      skips.append(h)
    }
    h = bottleneck(h).arising(in: "bottleneck")
    for (i, level) in up.enumerated() {
      h = level(h, skips.removeLast(), time: time, context: context, mode: mode).arising(in: "up.\(i)")
    }
    let y = outConv(outNorm(.cat([h, first], dim: 1), activation: .silu)).arising(in: "out_conv")
    return y.cropped(toSizeOf: x).to(.float32)
  }

  /// One row an image, `[N, D]` float32; nil for a network without context. Training masks a share of the contexts.
  private func context(_ conditioning: Conditioning, images: Int, on device: Device) -> Tensor? {
    guard let width = recipe.contextWidth else { return nil }
    return conditioning.context?.to(.float32) ?? conditioning.labels.map(oneHot) ?? .zeros([images, width], on: device)
  }

  /// One at the class's place; the null class has none, so that its row is zero.
  private func oneHot(_ labels: Tensor) -> Tensor {
    let rows = recipe.numClasses ?? 1
    let hot = labels.oneHot(rows).to(.float32)
    guard let null = recipe.nullClass else { return hot }
    return .cat([hot.narrow(1, 0, null), hot.narrow(1, null + 1, rows - null - 1)], dim: 1)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
}
