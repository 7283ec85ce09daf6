import NN
import Tensors

/// Normalises the channels of each pixel (Ba, Kiros and Hinton 2016), with statistics in float32, scales and shifts them and applies SiLU.
final class PixelNorm: Module, Preparable {
  let weight: Parameter, bias: Parameter

  init(_ channels: Int, using initializer: Initializer) {
    weight = Parameter(initializer.constant(1, [channels]))
    bias = Parameter(initializer.constant(0, [channels]))
  }

  /// - Parameters: x: `[N, C, H, W]`; scale, shift: `[N, C]`.
  /// - Returns: silu(norm(x) (1 + scale) + shift), in x's dtype.
  func callAsFunction(_ x: Tensor, scale: Tensor? = nil, shift: Tensor? = nil) -> Tensor {
    x.pixelNorm(weight.value, bias.value, scale: scale, shift: shift, activation: .silu)
  }

  package func prepare(for dtype: DType) throws(TorchFault) {
    try weight.prepare(as: .float32)
    try bias.prepare(as: .float32)
  }
}

/// Two convolutions, each behind a `PixelNorm`, the second modulated by the embedding of time, and a residual.
final class PixelNormBlock: Module {
  let norm1: PixelNorm, conv1: Conv2d, embedding: Linear, norm2: PixelNorm, conv2: Conv2d, skip: Conv2d?

  init(_ inputs: Int, _ outputs: Int, embedding width: Int, using initializer: Initializer) throws(TorchFault) {
    norm1 = PixelNorm(inputs, using: initializer)
    conv1 = Conv2d(inputs, outputs, using: initializer)
    embedding = Linear(width, 2 * outputs, using: initializer)
    norm2 = PixelNorm(outputs, using: initializer)
    conv2 = Conv2d(outputs, outputs, using: initializer)
    skip = inputs == outputs ? nil : Conv2d(inputs, outputs, kernel: 1, using: initializer)
    try conv2.zero()
  }

  /// - Parameters: x: `[N, C, H, W]`; emb: `[N, E]` float32.
  func callAsFunction(_ x: Tensor, _ emb: Tensor) -> Tensor {
    let modulation = embedding(emb).chunk(2, dim: 1)
    guard modulation.count == 2 else { return x.failed("modulate", "the embedding has an odd number of channels") }
    let h = norm2(conv1(norm1(x)), scale: modulation[0], shift: modulation[1])
    return conv2(h, addingTo: skip?(x) ?? x)
  }
}

/// The blocks of one resolution, and the convolution that leads to the next.
final class RestorationLevel: Module {
  let blocks: [PixelNormBlock], resampling: Conv2d?
  private let direction: Resampling

  /// - Parameters: inputs: the channels that each block reads; outputs: those that it gives.
  init(
    _ inputs: [Int], _ outputs: Int, embedding width: Int, resampling direction: Resampling, using initializer: Initializer
  ) throws(TorchFault) {
    var blocks: [PixelNormBlock] = []
    for count in inputs { blocks.append(try PixelNormBlock(count, outputs, embedding: width, using: initializer)) }
    self.blocks = blocks
    self.direction = direction
    resampling =
      direction == .none ? nil : Conv2d(outputs, outputs, stride: direction == .down ? 2 : 1, using: initializer)
  }

  /// Appends the output of every layer to `skips`.
  func encode(_ x: Tensor, _ emb: Tensor, skips: inout [Tensor]) -> Tensor {
    var h = x
    for block in blocks {
      h = block(h, emb)
      skips.append(h)
    }
    guard let resampling else { return h }
    h = resampling(h)
    skips.append(h)
    return h
  }

  /// Reads the newest of `skips` in every block.
  func decode(_ x: Tensor, _ emb: Tensor, skips: inout [Tensor]) -> Tensor {
    var h = x
    for block in blocks { h = block(.cat([h, skips.removeLast()], dim: 1).channelsLast(), emb) }
    return resampling.map { $0(direction(h).channelsLast()) } ?? h
  }
}
