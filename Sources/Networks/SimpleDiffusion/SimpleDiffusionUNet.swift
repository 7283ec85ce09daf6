import NN
import RecipeKit
import Tensors

/// The UNet of simple-diffusion, under its state-dict names: residual blocks after Ho, Jain and Abbeel 2020 with norms behind the
/// convolutions, and attention at every level but the highest.
///
/// It has no classes. Images of any size are padded to the next size that the levels can halve, and the result is cropped again.
public final class SimpleDiffusionUNet: DiffusionNetwork, PreparedOnce {
  public let recipe: Recipe
  let timeIn: Linear, timeOut: Linear
  let initConv: Conv2d
  let downBlocks: [SimpleDownBlock]
  let midBlock1: SimpleResidualBlock, midAttn: SimpleAttention, midBlock2: SimpleResidualBlock
  let upBlocks: [SimpleUpBlock]
  let outBlock: SimpleResidualBlock, convOut: Conv2d
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  public enum StateKeys: String, CaseIterable { case timeIn = "time_embedding.0", timeOut = "time_embedding.2" }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws {
    try recipe.validate()
    self.recipe = recipe
    let dims = recipe.hiddenDims, first = dims[0], last = dims[dims.count - 1], width = recipe.embeddingWidth
    timeIn = Linear(first, width, using: initializer)
    timeOut = Linear(width, width, using: initializer)
    initConv = Conv2d(recipe.resolvedInChannels, first, using: initializer)
    downBlocks = (1..<dims.count).map { level in
      SimpleDownBlock(
        dims[level - 1], dims[level], embedding: width, attends: level > 1, isLast: level == dims.count - 1, using: initializer)
    }
    midBlock1 = SimpleResidualBlock(last, last, embedding: width, using: initializer)
    midAttn = SimpleAttention(last, using: initializer)
    midBlock2 = SimpleResidualBlock(last, last, embedding: width, using: initializer)
    upBlocks = (1..<dims.count).reversed().map { level in
      SimpleUpBlock(dims[level], dims[level - 1], embedding: width, attends: level > 1, isLast: level == 1, using: initializer)
    }
    outBlock = SimpleResidualBlock(2 * first, first, embedding: width, using: initializer)
    convOut = Conv2d(first, recipe.resolvedOutChannels, kernel: 1, using: initializer)
    try convOut.zero()
  }

  public func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    let inputs = NetworkInputs(network: Recipe.name, channels: recipe.resolvedInChannels)
    if let problem = inputs.problem(with: x, timesteps, conditioning) { return problem }
    let waves = timestepEmbedding(timesteps, dimension: recipe.hiddenDims[0], sinesFirst: true, frequencyShift: 1)
    let emb = timeOut(silu(timeIn(waves))).arising(in: "time_embedding")
    let padded = x.padded(toMultiplesOf: recipe.sizeStep)
    let first = initConv(padded.to(preparedDType ?? .float32).channelsLast()).arising(in: "init_conv")
    var h = first, skips: [Tensor] = []
    for (index, block) in downBlocks.enumerated() { h = block(h, emb, skips: &skips).arising(in: "down_blocks.\(index)") }
    h = midBlock2(midAttn(midBlock1(h, emb)), emb).arising(in: "mid_block2")
    for (index, block) in upBlocks.enumerated() { h = block(h, emb, skips: &skips).arising(in: "up_blocks.\(index)") }
    let y = convOut(outBlock(.cat([h, first], dim: 1), emb)).arising(in: "conv_out")
    return y.cropped(toSizeOf: x).to(.float32)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}
