import NN
import Tensors

/// Two convolutions, each with norm and SiLU behind it, the embedding of time added between them, and a residual.
final class SimpleResidualBlock: Module {
  static let groups = 8
  enum StateKeys: String, CaseIterable { case timeEmbProj = "time_emb_proj.1" }

  let timeEmbProj: Linear, residualConv: Conv2d?
  let conv1: Conv2d, conv2: Conv2d, norm1: GroupNorm, norm2: GroupNorm

  init(_ inputs: Int, _ outputs: Int, embedding width: Int, using initializer: Initializer) {
    timeEmbProj = Linear(width, outputs, using: initializer)
    residualConv = inputs == outputs ? nil : Conv2d(inputs, outputs, kernel: 1, using: initializer)
    conv1 = Conv2d(inputs, outputs, using: initializer)
    conv2 = Conv2d(outputs, outputs, using: initializer)
    norm1 = GroupNorm(outputs, groups: Self.groups, using: initializer)
    norm2 = GroupNorm(outputs, groups: Self.groups, using: initializer)
  }

  /// - Parameters: x: `[N, C, H, W]`; emb: `[N, E]` float32.
  func callAsFunction(_ x: Tensor, _ emb: Tensor) -> Tensor {
    let h = norm1(conv1(x), activation: .silu)
    // SiLU twice, as in the system's code.
    let time = timeEmbProj(silu(silu(emb))).to(h.dtype).unsqueeze(-1, -1)
    return norm2(conv2((h + time).channelsLast()), activation: .silu) + (residualConv?(x) ?? x)
  }
}

/// Attention over the positions of an image, of four heads of 32 channels, with a residual.
final class SimpleAttention: Module {
  static let heads = 4, headChannels = 32
  let toQkv: Conv2d, toOut: Conv2d, norm: ChannelRMSNorm

  init(_ channels: Int, using initializer: Initializer) {
    let inner = Self.heads * Self.headChannels
    toQkv = Conv2d(channels, 3 * inner, kernel: 1, bias: false, using: initializer)
    toOut = Conv2d(inner, channels, kernel: 1, using: initializer)
    norm = ChannelRMSNorm(channels, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let (n, h, w) = (x.size(0), x.size(2), x.size(3))
    let parts = AttentionOrder.splitFirst.split(positions(of: toQkv(norm(x))), heads: Self.heads)
    let mixed = Tensor.attention(parts[0], parts[1], parts[2]).transpose(1, 2).reshape(n, h, w, Self.heads * Self.headChannels)
    return x + toOut(mixed.permute(0, 3, 1, 2))
  }
}

/// Divides each position's channels by their root mean square, and scales each channel.
final class ChannelRMSNorm: Module, Preparable {
  let g: Parameter
  private let floor: Double  // of the mean square

  init(_ channels: Int, using initializer: Initializer) {
    g = Parameter(initializer.constant(1, [1, channels, 1, 1]))
    // PyTorch's normalize keeps the length, which is √channels times the root mean square, above 1e-12. Added instead, that changes no
    // float32 sum but those that are nearly zero, and has a gradient on shapes alone.
    floor = 1e-24 / Double(channels)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let values = x.to(.float32)
    let scale = (values.square().mean(1, keep: true) + floor).sqrt()
    return (values / scale * g.value).to(x.dtype)
  }

  package func prepare(for dtype: DType) throws(TorchFault) { try g.prepare(as: .float32) }
}

/// A level of the encoder: two residual blocks, attention, and blocks of 2 x 2 pixels that become channels, or, at the last level, a
/// convolution that keeps the resolution.
final class SimpleDownBlock: Module {
  enum StateKeys: String, CaseIterable { case block1 = "0", block2 = "1", attention = "2", halving = "3.1", keeping = "3" }

  let block1: SimpleResidualBlock, block2: SimpleResidualBlock, attention: SimpleAttention?
  let halving: Conv2d?, keeping: Conv2d?

  init(_ inputs: Int, _ outputs: Int, embedding width: Int, attends: Bool, isLast: Bool, using initializer: Initializer) {
    block1 = SimpleResidualBlock(inputs, inputs, embedding: width, using: initializer)
    block2 = SimpleResidualBlock(inputs, inputs, embedding: width, using: initializer)
    attention = attends ? SimpleAttention(inputs, using: initializer) : nil
    halving = isLast ? nil : Conv2d(4 * inputs, outputs, kernel: 1, using: initializer)
    keeping = isLast ? Conv2d(inputs, outputs, using: initializer) : nil
  }

  /// Appends the outputs of both blocks to `skips`.
  func callAsFunction(_ x: Tensor, _ emb: Tensor, skips: inout [Tensor]) -> Tensor {
    skips.append(block1(x, emb))
    let h = block2(skips[skips.count - 1], emb)
    skips.append(attention?(h) ?? h)
    let last = skips[skips.count - 1]
    return halving?(last.pixelUnshuffle(2).channelsLast()) ?? keeping?(last) ?? last
  }
}

/// A level of the decoder: two residual blocks, each on the level below concatenated with the newest skip, attention, and pixels
/// repeated before a convolution, or, at the last level, the convolution alone.
final class SimpleUpBlock: Module {
  enum StateKeys: String, CaseIterable { case block1 = "0", block2 = "1", attention = "2", doubling = "3.1", keeping = "3" }

  let block1: SimpleResidualBlock, block2: SimpleResidualBlock, attention: SimpleAttention?
  let doubling: Conv2d?, keeping: Conv2d?

  init(_ inputs: Int, _ outputs: Int, embedding width: Int, attends: Bool, isLast: Bool, using initializer: Initializer) {
    block1 = SimpleResidualBlock(inputs + outputs, inputs, embedding: width, using: initializer)
    block2 = SimpleResidualBlock(inputs + outputs, inputs, embedding: width, using: initializer)
    attention = attends ? SimpleAttention(inputs, using: initializer) : nil
    doubling = isLast ? nil : Conv2d(inputs, outputs, using: initializer)
    keeping = isLast ? Conv2d(inputs, outputs, using: initializer) : nil
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, skips: inout [Tensor]) -> Tensor {
    var h = block1(.cat([x, skips.removeLast()], dim: 1).channelsLast(), emb)
    h = block2(.cat([h, skips.removeLast()], dim: 1).channelsLast(), emb)
    h = attention?(h) ?? h
    return doubling?(Resampling.up(h)) ?? keeping?(h) ?? h
  }
}
