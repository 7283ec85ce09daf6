import NN
import RecipeKit
import Tensors

/// diffusers' UNet2DModel under its own state-dict names: the UNet of Ho, Jain and Abbeel 2020, "Denoising Diffusion Probabilistic
/// Models", with the options that it has gathered since.
///
/// Images of any size: they are padded to the next size that the levels can halve, and the result is cropped again.
public final class UNet2DModel: DiffusionNetwork, PreparedOnce {
  public let recipe: Recipe
  let convIn: Conv2d
  let timeEmbedding: TimeEmbedding
  let classEmbedding: Embedding?
  let downBlocks: [UNet2DDownBlock], upBlocks: [UNet2DUpBlock]
  let midBlock: UNet2DMiddleBlock?
  let convNormOut: GroupNorm, convOut: Conv2d
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let channels = recipe.blockOutChannels, first = channels[0], last = channels.count - 1
    convIn = Conv2d(recipe.resolvedInChannels, first, using: initializer)
    timeEmbedding = TimeEmbedding(first, recipe.embeddingWidth, using: initializer)
    classEmbedding = recipe.numClassEmbeds.map { Embedding($0, recipe.embeddingWidth, using: initializer) }
    var skips = [first], current = first
    downBlocks = try channels.indices.map { level in
      defer { current = channels[level] }
      skips += Array(repeating: channels[level], count: recipe.layersPerBlock + (level == last ? 0 : 1))
      return try UNet2DDownBlock(
        current, channels[level], recipe.downBlockTypes[level], isLast: level == last, recipe, using: initializer)
    }
    midBlock = recipe.midBlockType == nil ? nil : try UNet2DMiddleBlock(current, recipe, using: initializer)
    upBlocks = try channels.indices.map { index in
      let outputs = channels[last - index]
      defer { current = outputs }
      return try UNet2DUpBlock(
        current, outputs, skips: &skips, recipe.upBlockTypes[index], isLast: index == last, recipe, using: initializer)
    }
    convNormOut = recipe.norm(over: first, using: initializer)
    convOut = Conv2d(first, recipe.resolvedOutChannels, using: initializer)
    try convOut.zero()
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    if let problem = inputs.problem(with: x, timesteps, conditioning) { return problem }
    let emb = embed(timesteps, conditioning)
    let padded = (recipe.centerInputSample ? 2 * x - 1 : x).padded(toMultiplesOf: recipe.sizeStep)
    var h = convIn(padded.to(preparedDType ?? .float32).channelsLast()), skips = [h]
    for (index, block) in downBlocks.enumerated() {
      skips += block(h, emb, mode: mode).map { $0.arising(in: "down_blocks.\(index)") }
      h = skips[skips.count - 1]
    }
    if let midBlock { h = midBlock(h, emb, mode: mode).arising(in: "mid_block") }
    for (index, block) in upBlocks.enumerated() {
      h = block(h, skips: &skips, emb, mode: mode).arising(in: "up_blocks.\(index)")
    }
    return convOut(convNormOut(h, activation: .silu)).arising(in: "conv_out").cropped(toSizeOf: x).to(.float32)
  }

  /// The embedding of time and class, `[N, time_embedding_dim]` float32.
  private func embed(_ timesteps: Tensor, _ conditioning: Conditioning) -> Tensor {
    let waves = timestepEmbedding(
      timesteps, dimension: recipe.blockOutChannels[0], sinesFirst: !recipe.flipSinToCos, frequencyShift: recipe.freqShift)
    let emb = timeEmbedding(waves).arising(in: "time_embedding")
    guard let classEmbedding, let labels = conditioning.labels else { return emb }
    return (emb + classEmbedding(labels)).arising(in: "class_embedding")
  }

  private var inputs: NetworkInputs {
    NetworkInputs(
      network: Recipe.name, channels: recipe.resolvedInChannels, labels: recipe.numClassEmbeds == nil ? .absent : .required)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}
