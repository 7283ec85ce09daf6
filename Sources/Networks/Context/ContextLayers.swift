import NN
import Tensors

/// A residual block of two convolutions after norm and SiLU, which may change the resolution before the first (He et al. 2016,
/// "Identity Mappings in Deep Residual Networks").
final class ContextBlock: Module {
  static let groups = 8
  static func norm(_ channels: Int, using initializer: Initializer) -> GroupNorm {
    GroupNorm(channels, groups: groups, using: initializer)
  }

  let norm1: GroupNorm, conv1: Conv2d, norm2: GroupNorm, dropout: Dropout, conv2: Conv2d
  let skipConnection: Conv2d?
  let resampling: Resampling

  init(_ inputs: Int, _ outputs: Int, _ resampling: Resampling, dropout: Double, using initializer: Initializer) {
    norm1 = Self.norm(inputs, using: initializer)
    conv1 = Conv2d(inputs, outputs, using: initializer)
    norm2 = Self.norm(outputs, using: initializer)
    self.dropout = Dropout(dropout)
    conv2 = Conv2d(outputs, outputs, using: initializer)
    skipConnection = inputs == outputs ? nil : Conv2d(inputs, outputs, kernel: 1, using: initializer)
    self.resampling = resampling
  }

  /// `count` blocks, of which the first changes channels and resolution.
  static func row(
    _ count: Int, _ inputs: Int, _ outputs: Int, _ resampling: Resampling, _ recipe: ContextUNet.Recipe, using initializer: Initializer
  ) -> [ContextBlock] {
    (0..<count).map {
      ContextBlock($0 == 0 ? inputs : outputs, outputs, $0 == 0 ? resampling : .none, dropout: recipe.dropout, using: initializer)
    }
  }

  func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
    let h = norm2(conv1(resampling(norm1(x, activation: .silu))), activation: .silu)
    let skip = resampling(x)
    return conv2(dropout(h, mode: mode), addingTo: skipConnection?(skip) ?? skip)
  }
}

/// Two linear maps with GELU between them: the embedding of time or context, one number a channel.
final class VectorEmbedding: Module {
  let linear1: Linear, linear2: Linear
  enum StateKeys: String, CaseIterable { case linear1 = "0", linear2 = "2" }

  init(_ inputs: Int, _ outputs: Int, using initializer: Initializer) {
    linear1 = Linear(inputs, outputs, using: initializer)
    linear2 = Linear(outputs, outputs, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { linear2(linear1(x).gelu()) }
}

/// The encoder's output in one vector: the mean over all positions.
final class Bottleneck: Module, PreparedOnce {
  let norm: GroupNorm, linear: Linear
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  init(_ channels: Int, using initializer: Initializer) {
    norm = ContextBlock.norm(channels, using: initializer)
    linear = Linear(channels, channels, using: initializer)
  }

  /// - Parameter x: `[N, C, H, W]`. - Returns: `[N, C, 1, 1]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let vector = norm(x, activation: .silu).to(.float32).mean(2, 3)
    return silu(linear(vector)).unsqueeze(-1, -1).to(x.dtype)
  }

  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}

/// A level of the decoder: up(context ∘ h + time, skip).
final class ContextLevel: Module {
  let timeEmbed: VectorEmbedding, contextEmbed: VectorEmbedding?
  let blocks: [ContextBlock]

  init(_ inputs: Int, _ outputs: Int, _ recipe: ContextUNet.Recipe, using initializer: Initializer) {
    timeEmbed = VectorEmbedding(recipe.modelChannels, inputs, using: initializer)
    contextEmbed = recipe.contextWidth.map { VectorEmbedding($0, inputs, using: initializer) }
    blocks = ContextBlock.row(recipe.numResBlocks, 2 * inputs, outputs, .up, recipe, using: initializer)
  }

  /// - Parameters: h: `[N, C, h, w]` or, of the bottleneck, `[N, C, 1, 1]`; skip: `[N, C, h, w]`; time, context: `[N, D]`.
  func callAsFunction(_ h: Tensor, _ skip: Tensor, time: Tensor, context: Tensor?, mode: Mode) -> Tensor {
    var steered = h
    if let contextEmbed, let context { steered = contextEmbed(context).to(h.dtype).unsqueeze(-1, -1) * steered }
    steered = steered + timeEmbed(time).to(h.dtype).unsqueeze(-1, -1)
    let joined = Tensor.cat([steered.expand(-1, -1, skip.size(2), skip.size(3)), skip], dim: 1).channelsLast()
    return blocks.reduce(joined) { h, block in block(h, mode: mode) }
  }
}
