import NN
import Tensors

/// The last part of a classifier: what the encoder gives to features of the whole image, and these to logits.
protocol ClassifierPool: Module {
  /// - Parameters: blocks: the outputs of the input blocks; middle: of the middle block, `[N, C, H, W]`.
  /// - Returns: the input of the last linear map, `[N, F]`.
  func features(_ blocks: [Tensor], _ middle: Tensor) -> Tensor
  /// The last linear map: `[N, F]` to `[N, classes]`.
  func logits(_ features: Tensor) -> Tensor
}

extension EncoderClassifier.Recipe {
  func makePool(_ plan: UNetPlan, using initializer: Initializer) throws(TorchFault) -> any ClassifierPool {
    let channels = plan.middleChannels, classes = resolvedNumClasses
    let features = plan.skips.reduce(channels, +)
    switch pool {
    case .adaptive: return try AdaptivePool(channels, classes, using: initializer)
    case .attention:
      return AttentionPool(channels, classes, size: lowestHeight, heads: channels / numHeadChannels, using: initializer)
    case .spatial: return SpatialPool(features, classes, norm: nil, using: initializer)
    case .spatialV2:
      return SpatialPool(features, classes, norm: GroupNorm(SpatialPool.width, using: initializer), using: initializer)
    }
  }
}

/// Norm, SiLU, the mean over all positions and a linear map.
final class AdaptivePool: Module, ClassifierPool {
  let norm: GroupNorm, conv: Conv2d
  enum StateKeys: String, CaseIterable { case norm = "0", conv = "3" }

  init(_ channels: Int, _ classes: Int, using initializer: Initializer) throws(TorchFault) {
    norm = GroupNorm(channels, using: initializer)
    conv = Conv2d(channels, classes, kernel: 1, using: initializer)
    try conv.zero()
  }

  func features(_ blocks: [Tensor], _ middle: Tensor) -> Tensor { norm(middle, activation: .silu).mean(2, 3) }

  func logits(_ features: Tensor) -> Tensor {
    let logits = conv(features.unsqueeze(-1, -1))
    return logits.reshape(logits.size(0), logits.size(1))
  }
}

/// Norm, SiLU, and attention whose query is the mean over all positions (Radford et al. 2021, "Learning Transferable Visual
/// Models From Natural Language Supervision", section 2.4).
final class AttentionPool: Module, ClassifierPool {
  let norm: GroupNorm, tokens: TokenAttention
  enum StateKeys: String, CaseIterable { case norm = "0", tokens = "2" }

  init(_ channels: Int, _ classes: Int, size: Int, heads: Int, using initializer: Initializer) {
    norm = GroupNorm(channels, using: initializer)
    tokens = TokenAttention(channels, classes, size: size, heads: heads, using: initializer)
  }

  func features(_ blocks: [Tensor], _ middle: Tensor) -> Tensor { tokens.features(norm(middle, activation: .silu)) }
  func logits(_ features: Tensor) -> Tensor { tokens.logits(features) }
}

/// Attention over positions and their mean, of which the mean's result is kept.
final class TokenAttention: Module, Preparable {
  let positionalEmbedding: Parameter, qkvProj: PointwiseConv1d, cProj: PointwiseConv1d
  private let size: Int, heads: Int

  init(_ channels: Int, _ outputs: Int, size: Int, heads: Int, using initializer: Initializer) {
    positionalEmbedding = Parameter(initializer.normal([channels, size * size + 1]) / Double(channels).squareRoot())
    qkvProj = PointwiseConv1d(channels, 3 * channels, using: initializer)
    cProj = PointwiseConv1d(channels, outputs, using: initializer)
    self.size = size
    self.heads = heads
  }

  /// The result of attention. - Parameter x: `[N, C, size, size]`. - Returns: `[N, C]`.
  func features(_ x: Tensor) -> Tensor {
    let (n, c) = (x.size(0), x.size(1))
    if x.fault == nil && x.shape != [n, c, size, size] {
      return x.failed(
        "attention pool", "expected features of \(size) x \(size), as of images of image_size, found \(x.size(2)) x \(x.size(3))")
    }
    let places = positions(of: x)
    let tokens = Tensor.cat([places.mean(1, keep: true), places], dim: 1) + positionalEmbedding.value.transpose(0, 1).to(x.dtype)
    let split = AttentionOrder.splitFirst.split(qkvProj(tokens), heads: heads)
    // Only the first token's result is needed, and so only its query.
    return Tensor.attention(split[0].narrow(2, 0, 1), split[1], split[2]).reshape(n, c)
  }

  /// `[N, C]` to `[N, outputs]`.
  func logits(_ features: Tensor) -> Tensor { cProj(features.unsqueeze(1)).select(1, 0) }

  package func prepare(for dtype: DType) throws(TorchFault) { try positionalEmbedding.prepare(as: .float32) }
}

/// Two linear maps of the means over positions of every block's output, with ReLU between them, or a norm and SiLU.
final class SpatialPool: Module, ClassifierPool {
  static let width = 2048
  let linear1: Linear, norm: GroupNorm?
  /// The second map, under the number that its place has with and without a norm.
  let linear2: Linear?, linear3: Linear?
  enum StateKeys: String, CaseIterable { case linear1 = "0", norm = "1", linear2 = "2", linear3 = "3" }

  init(_ features: Int, _ classes: Int, norm: GroupNorm?, using initializer: Initializer) {
    linear1 = Linear(features, Self.width, using: initializer)
    self.norm = norm
    let last = Linear(Self.width, classes, using: initializer)
    (linear2, linear3) = norm == nil ? (last, nil) : (nil, last)
  }

  func features(_ blocks: [Tensor], _ middle: Tensor) -> Tensor {
    let means = Tensor.cat((blocks + [middle]).map { $0.to(.float32).mean(2, 3) }, dim: 1)
    let hidden = linear1(means)
    return norm.map { $0(hidden.unsqueeze(-1, -1), activation: .silu).squeeze(-1).squeeze(-1) } ?? hidden.relu()
  }

  func logits(_ features: Tensor) -> Tensor { (linear2 ?? linear3)?(features) ?? features }
}
