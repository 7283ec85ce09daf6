import NN
import Tensors

/// A layer of a UNet's block: it reads images and the embedding of time and class.
protocol UNetLayer: Module {
  /// - Parameters: x: `[N, C, H, W]`; emb: `[N, E]` float32.
  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor
}

extension Conv2d: UNetLayer {
  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor { self(x) }
}

/// A layer under gradient checkpointing: its activations are recomputed in the backward pass.
final class CheckpointedLayer: Module, UNetLayer {
  private let layer: any UNetLayer, recomputation: Recomputation
  enum StateKeys: String, CaseIterable { case layer = "" }

  init(_ layer: some UNetLayer) {
    self.layer = layer
    recomputation = Recomputation(of: layer)
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    recomputation([x, emb], mode: mode) { [layer] in layer($0[0], $0[1], mode: mode) }
  }
}

/// The options of a network that its residual blocks need.
protocol ResidualRecipe {
  /// The embedding scales and shifts the second norm (true) or is added before it (false).
  var useScaleShiftNorm: Bool { get }
  var dropout: Double { get }
  func norm(over channels: Int, using initializer: Initializer) -> GroupNorm
}

extension ADMUNet.Recipe: ResidualRecipe {
  func norm(over channels: Int, using initializer: Initializer) -> GroupNorm { normalization.make(channels, using: initializer) }
}

/// The residual block of Dhariwal and Nichol 2021 (ADM): two convolutions, the second norm modulated by the embedding.
final class ResBlock<Names: UNetNames>: Module, UNetLayer {
  typealias StateKeys = Names.Residual

  let norm1: GroupNorm, conv1: Conv2d, embedding: Linear, norm2: GroupNorm, dropout: Dropout, conv2: Conv2d
  let skipConnection: Conv2d?
  let resampling: Resampling, scaleShift: Bool, divisor: Double

  /// - Parameter divisor: of the sum of both branches.
  init(
    _ inputs: Int, _ outputs: Int, embedding width: Int, resampling: Resampling, _ recipe: some ResidualRecipe, divisor: Double = 1,
    using initializer: Initializer
  ) throws(TorchFault) {
    scaleShift = recipe.useScaleShiftNorm
    norm1 = recipe.norm(over: inputs, using: initializer)
    conv1 = Conv2d(inputs, outputs, using: initializer)
    embedding = Linear(width, scaleShift ? 2 * outputs : outputs, using: initializer)
    norm2 = recipe.norm(over: outputs, using: initializer)
    dropout = Dropout(recipe.dropout)
    conv2 = Conv2d(outputs, outputs, using: initializer)
    skipConnection = inputs == outputs ? nil : Conv2d(inputs, outputs, kernel: 1, using: initializer)
    self.resampling = resampling
    self.divisor = divisor
    try conv2.zero()
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    let modulation = embedding(silu(emb))
    var h = conv1(resampling(norm1(x, activation: .silu)), perImage: scaleShift ? nil : modulation)
    if scaleShift {
      let parts = modulation.chunk(2, dim: 1)
      h = norm2(h, scale: parts[0], shift: parts[1], activation: .silu)
    } else {
      h = norm2(h, activation: .silu)
    }
    let skip = resampling(x)
    let sum = conv2(dropout(h, mode: mode), addingTo: skipConnection?(skip) ?? skip)
    return divisor == 1 ? sum : sum / divisor
  }
}

/// A change of the resolution by a factor of 2: the mean of four pixels, or each pixel four times.
package enum Resampling: String, Codable {
  case none, down, up

  func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .none: x
    case .down: x.avgPool2d(2)
    case .up: x.interpolate(height: 2 * x.size(2), width: 2 * x.size(3), .nearest)
    }
  }
}

/// Where queries, keys and values of each head lie in the channels of one linear map.
enum AttentionOrder: String, Codable {
  /// `[3][heads][d]`: guided-diffusion's new order.
  case splitFirst
  /// `[heads][3][d]`: its legacy order, and improved-diffusion's.
  case headsFirst

  /// Queries, keys and values, each `[N, heads, length, d]`, of `[N, length, 3 heads d]`.
  func split(_ parts: Tensor, heads: Int) -> [Tensor] {
    let (n, length, d) = (parts.size(0), parts.size(1), parts.size(2) / (3 * heads))
    switch self {
    case .splitFirst:
      let cut = parts.reshape(n, length, 3, heads, d)
      return (0..<3).map { cut.select(2, $0).transpose(1, 2) }
    case .headsFirst:
      let cut = parts.reshape(n, length, heads, 3, d)
      return (0..<3).map { cut.select(3, $0).transpose(1, 2) }
    }
  }
}

/// Attention over the positions of an image, with a residual (Vaswani et al. 2017, as in ADM).
final class AttentionBlock<Names: UNetNames>: Module, UNetLayer {
  typealias StateKeys = Names.Attention

  let norm: GroupNorm, qkv: PointwiseConv1d, projOut: PointwiseConv1d
  let heads: Int, order: AttentionOrder

  init(_ channels: Int, heads: Int, _ recipe: ADMUNet.Recipe, using initializer: Initializer) throws(TorchFault) {
    norm = recipe.normalization.make(channels, using: initializer)
    qkv = PointwiseConv1d(channels, 3 * channels, using: initializer)
    projOut = PointwiseConv1d(channels, channels, using: initializer)
    self.heads = heads
    order = recipe.useNewAttentionOrder ? .splitFirst : .headsFirst
    try projOut.zero()
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    let (n, c, h, w) = (x.size(0), x.size(1), x.size(2), x.size(3))
    let split = order.split(qkv(positions(of: norm(x))), heads: heads)
    let mixed = Tensor.attention(split[0], split[1], split[2]).transpose(1, 2).reshape(n, h * w, c)
    return x + projOut(mixed).reshape(n, h, w, c).permute(0, 3, 1, 2)
  }
}

/// `[N, C, H, W]` as `[N, H W, C]`: a view, where channels are last in memory.
func positions(of x: Tensor) -> Tensor { x.permute(0, 2, 3, 1).reshape(x.size(0), x.size(2) * x.size(3), x.size(1)) }

/// Halves the resolution: a convolution of stride 2, or the mean of four pixels.
final class Downsample<Names: UNetNames>: Module, UNetLayer {
  typealias StateKeys = Names.Downsampling

  let convolution: Conv2d?
  let padsOneSide: Bool

  /// - Parameter padsOneSide: the convolution sees zeros right and below alone, not on all sides.
  init(_ channels: Int, convolution: Bool, padsOneSide: Bool = false, using initializer: Initializer) {
    self.convolution = convolution ? Conv2d(channels, channels, stride: 2, padding: padsOneSide ? 0 : 1, using: initializer) : nil
    self.padsOneSide = padsOneSide
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    convolution?(padsOneSide ? x.pad(top: 0, bottom: 1, left: 0, right: 1) : x) ?? Resampling.down(x)
  }
}

/// Doubles the resolution: each pixel repeated, then, where wanted, a convolution.
final class Upsample: Module, UNetLayer {
  let conv: Conv2d?

  init(_ channels: Int, convolution: Bool, using initializer: Initializer) {
    conv = convolution ? Conv2d(channels, channels, using: initializer) : nil
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor { conv?(Resampling.up(x)) ?? Resampling.up(x) }
}
