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

/// The residual block of Dhariwal and Nichol 2021 (ADM): two convolutions, the second norm modulated by the embedding.
public final class ResBlock: Module, UNetLayer {
  /// How the block changes the resolution, by a factor of 2 between activation and first convolution.
  enum Resampling: String, Codable { case none, down, up }

  let norm1: GroupNorm, conv1: Conv2d, embedding: Linear, norm2: GroupNorm, dropout: Dropout, conv2: Conv2d
  let skipConnection: Conv2d?
  let resampling: Resampling, scaleShift: Bool

  public enum StateKeys: String, CaseIterable {
    case norm1 = "in_layers.0", conv1 = "in_layers.2", embedding = "emb_layers.1", norm2 = "out_layers.0", conv2 = "out_layers.3"
  }

  init(
    _ inputs: Int, _ outputs: Int, embedding width: Int, resampling: Resampling, _ recipe: ADMUNet.Recipe,
    using initializer: Initializer
  ) throws(TorchFault) {
    scaleShift = recipe.useScaleShiftNorm
    norm1 = GroupNorm(inputs, using: initializer)
    conv1 = Conv2d(inputs, outputs, using: initializer)
    embedding = Linear(width, scaleShift ? 2 * outputs : outputs, using: initializer)
    norm2 = GroupNorm(outputs, using: initializer)
    dropout = Dropout(recipe.dropout)
    conv2 = Conv2d(outputs, outputs, using: initializer)
    skipConnection = inputs == outputs ? nil : Conv2d(inputs, outputs, kernel: 1, using: initializer)
    self.resampling = resampling
    try conv2.zero()
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    let modulation = embedding(silu(emb))
    var h = conv1(resample(norm1(x, activation: .silu)))
    if scaleShift {
      let parts = modulation.chunk(2, dim: 1)
      h = norm2(h, scale: parts[0], shift: parts[1], activation: .silu)
    } else {
      h = norm2(h + modulation.to(h.dtype).unsqueeze(-1, -1), activation: .silu)
    }
    let skip = resample(x)
    return conv2(dropout(h, mode: mode), addingTo: skipConnection?(skip) ?? skip)
  }

  private func resample(_ x: Tensor) -> Tensor {
    switch resampling {
    case .none: x
    case .down: x.avgPool2d(2)
    case .up: x.interpolate(height: 2 * x.size(2), width: 2 * x.size(3), .nearest)
    }
  }
}

/// Attention over the positions of an image, with a residual (Vaswani et al. 2017, as in ADM).
public final class AttentionBlock: Module, UNetLayer {
  /// Where queries, keys and values lie in the channels of `qkv`.
  enum Order: String, Codable {
    /// `[3][heads][d]`: guided-diffusion's new order.
    case splitFirst
    /// `[heads][3][d]`: its legacy order, and improved-diffusion's.
    case headsFirst
  }

  let norm: GroupNorm, qkv: PointwiseConv1d, projOut: PointwiseConv1d
  let heads: Int, order: Order

  init(_ channels: Int, heads: Int, order: Order, using initializer: Initializer) throws(TorchFault) {
    norm = GroupNorm(channels, using: initializer)
    qkv = PointwiseConv1d(channels, 3 * channels, using: initializer)
    projOut = PointwiseConv1d(channels, channels, using: initializer)
    self.heads = heads
    self.order = order
    try projOut.zero()
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    let (n, c, h, w) = (x.size(0), x.size(1), x.size(2), x.size(3))
    // Channels are last in memory, so this is a view.
    let positions = norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c)
    let parts = qkv(positions)
    let split: [Tensor]  // 3 x [N, heads, H W, d]
    switch order {
    case .splitFirst:
      let cut = parts.reshape(n, h * w, 3, heads, c / heads)
      split = (0..<3).map { cut.select(2, $0).transpose(1, 2) }
    case .headsFirst:
      let cut = parts.reshape(n, h * w, heads, 3, c / heads)
      split = (0..<3).map { cut.select(3, $0).transpose(1, 2) }
    }
    let mixed = Tensor.attention(split[0], split[1], split[2]).transpose(1, 2).reshape(n, h * w, c)
    return x + projOut(mixed).reshape(n, h, w, c).permute(0, 3, 1, 2)
  }
}

/// Halves the resolution: a convolution of stride 2, or the mean of four pixels.
public final class Downsample: Module, UNetLayer {
  let op: Conv2d?

  init(_ channels: Int, convolution: Bool, using initializer: Initializer) {
    op = convolution ? Conv2d(channels, channels, stride: 2, using: initializer) : nil
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor { op?(x) ?? x.avgPool2d(2) }
}

/// Doubles the resolution: each pixel repeated, then, where wanted, a convolution.
public final class Upsample: Module, UNetLayer {
  let conv: Conv2d?

  init(_ channels: Int, convolution: Bool, using initializer: Initializer) {
    conv = convolution ? Conv2d(channels, channels, using: initializer) : nil
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    let larger = x.interpolate(height: 2 * x.size(2), width: 2 * x.size(3), .nearest)
    return conv?(larger) ?? larger
  }
}

extension PointwiseConv1d {
  /// Starts from zero, so that a residual branch begins as nothing.
  func zero() throws(TorchFault) {
    for parameter in [weight, bias] where parameter.value.device != .meta {
      try parameter.assign(.zeros(like: parameter.value))
    }
  }
}
