import NN
import Tensors

typealias UNet2DResidual = ResBlock<DiffusersNames>

/// Two linear maps around a SiLU: from sines and cosines to the embedding of time.
final class TimeEmbedding: Module {
  enum StateKeys: String, CaseIterable { case linear1 = "linear_1", linear2 = "linear_2" }

  let linear1: Linear, linear2: Linear

  init(_ inputs: Int, _ width: Int, using initializer: Initializer) {
    linear1 = Linear(inputs, width, using: initializer)
    linear2 = Linear(width, width, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { linear2(silu(linear1(x))) }
}

/// Attention over the positions of an image, with a residual, whose queries, keys and values are maps of their own.
final class UNet2DAttention: Module, UNetLayer {
  enum StateKeys: String, CaseIterable { case norm = "group_norm", output = "to_out.0" }

  let norm: GroupNorm?
  let toQ: PointwiseLinear, toK: PointwiseLinear, toV: PointwiseLinear, output: PointwiseLinear
  let heads: Int, divisor: Double

  /// - Parameters:
  ///   - groups: of the norm; nil for none.
  ///   - divisor: of the sum with the residual.
  init(
    _ channels: Int, _ recipe: UNet2DModel.Recipe, groups: Int?, divisor: Double = 1, using initializer: Initializer
  ) throws(TorchFault) {
    let width = recipe.attentionHeadDim ?? channels
    heads = channels / width
    self.divisor = divisor
    norm = groups.map { GroupNorm(channels, groups: $0, eps: recipe.normEps, using: initializer) }
    // A width that does not divide the channels leaves some out, as in diffusers.
    let inner = heads * width
    toQ = PointwiseLinear(channels, inner, using: initializer)
    toK = PointwiseLinear(channels, inner, using: initializer)
    toV = PointwiseLinear(channels, inner, using: initializer)
    output = PointwiseLinear(inner, channels, using: initializer)
    try output.zero()
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    let (n, c, h, w) = (x.size(0), x.size(1), x.size(2), x.size(3))
    let read = positions(of: norm?(x) ?? x)
    func perHead(_ parts: Tensor) -> Tensor { parts.reshape(n, h * w, heads, parts.size(2) / heads).transpose(1, 2) }
    let mixed = Tensor.attention(perHead(toQ(read)), perHead(toK(read)), perHead(toV(read))).transpose(1, 2)
    let sum = x + output(mixed.reshape(n, h * w, heads * mixed.size(3))).reshape(n, h, w, c).permute(0, 3, 1, 2)
    return divisor == 1 ? sum : sum / divisor
  }
}

/// A level of the encoder: residual blocks, each followed by attention where the level has it, then the change of resolution.
final class UNet2DDownBlock: Module {
  let attentions: [UNet2DAttention], resnets: [UNet2DResidual], downsamplers: [any UNetLayer]

  init(
    _ inputs: Int, _ outputs: Int, _ type: UNet2DModel.Recipe.DownBlock, isLast: Bool, _ recipe: UNet2DModel.Recipe,
    using initializer: Initializer
  ) throws(TorchFault) {
    var attentions: [UNet2DAttention] = [], resnets: [UNet2DResidual] = [], downsamplers: [any UNetLayer] = []
    for layer in 0..<recipe.layersPerBlock {
      resnets.append(
        try UNet2DResidual(
          layer == 0 ? inputs : outputs, outputs, embedding: recipe.embeddingWidth, resampling: .none, recipe, using: initializer))
      if type == .attention {
        attentions.append(try UNet2DAttention(outputs, recipe, groups: recipe.normNumGroups, using: initializer))
      }
    }
    if !isLast {
      let isResidual = type == .residual || type == .attention && recipe.downsampleType == .residual
      downsamplers.append(
        isResidual
          ? try UNet2DResidual(outputs, outputs, embedding: recipe.embeddingWidth, resampling: .down, recipe, using: initializer)
          : Downsample<DiffusersNames>(outputs, convolution: true, padsOneSide: recipe.downsamplePadding == 0, using: initializer))
    }
    (self.attentions, self.resnets, self.downsamplers) = (attentions, resnets, downsamplers)
  }

  /// - Returns: the output of every layer and of the change of resolution; the last of them is the block's.
  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> [Tensor] {
    var h = x, outputs: [Tensor] = []
    for (index, resnet) in resnets.enumerated() {
      h = resnet(h, emb, mode: mode)
      if !attentions.isEmpty { h = attentions[index](h, emb, mode: mode) }
      outputs.append(h)
    }
    return outputs + downsamplers.map { $0(h, emb, mode: mode) }
  }
}

/// The middle: two residual blocks with attention in between.
final class UNet2DMiddleBlock: Module, UNetLayer {
  let attentions: [UNet2DAttention], resnets: [UNet2DResidual]

  init(_ channels: Int, _ recipe: UNet2DModel.Recipe, using initializer: Initializer) throws(TorchFault) {
    let divisor = recipe.midBlockScaleFactor
    func residual() throws(TorchFault) -> UNet2DResidual {
      try UNet2DResidual(
        channels, channels, embedding: recipe.embeddingWidth, resampling: .none, recipe, divisor: divisor, using: initializer)
    }
    let first = try residual()
    attentions =
      recipe.addAttention
      ? [try UNet2DAttention(channels, recipe, groups: recipe.middleAttentionGroups, divisor: divisor, using: initializer)] : []
    resnets = [first, try residual()]
  }

  func callAsFunction(_ x: Tensor, _ emb: Tensor, mode: Mode) -> Tensor {
    var h = resnets[0](x, emb, mode: mode)
    for attention in attentions { h = attention(h, emb, mode: mode) }
    return resnets[1](h, emb, mode: mode)
  }
}

/// A level of the decoder, one layer more than the encoder's, each on the level below concatenated with the newest skip.
final class UNet2DUpBlock: Module {
  let attentions: [UNet2DAttention], resnets: [UNet2DResidual], upsamplers: [any UNetLayer]

  /// - Parameter skips: channels of the outputs of the encoder, of which it takes the newest.
  init(
    _ inputs: Int, _ outputs: Int, skips: inout [Int], _ type: UNet2DModel.Recipe.UpBlock, isLast: Bool,
    _ recipe: UNet2DModel.Recipe, using initializer: Initializer
  ) throws(TorchFault) {
    var attentions: [UNet2DAttention] = [], resnets: [UNet2DResidual] = [], upsamplers: [any UNetLayer] = []
    for layer in 0...recipe.layersPerBlock {
      resnets.append(
        try UNet2DResidual(
          (layer == 0 ? inputs : outputs) + skips.removeLast(), outputs, embedding: recipe.embeddingWidth, resampling: .none, recipe,
          using: initializer))
      if type == .attention {
        attentions.append(try UNet2DAttention(outputs, recipe, groups: recipe.normNumGroups, using: initializer))
      }
    }
    if !isLast {
      let isResidual = type == .residual || type == .attention && recipe.upsampleType == .residual
      upsamplers.append(
        isResidual
          ? try UNet2DResidual(outputs, outputs, embedding: recipe.embeddingWidth, resampling: .up, recipe, using: initializer)
          : Upsample(outputs, convolution: true, using: initializer))
    }
    (self.attentions, self.resnets, self.upsamplers) = (attentions, resnets, upsamplers)
  }

  func callAsFunction(_ x: Tensor, skips: inout [Tensor], _ emb: Tensor, mode: Mode) -> Tensor {
    var h = x
    for (index, resnet) in resnets.enumerated() {
      h = resnet(.cat([h, skips.removeLast()], dim: 1), emb, mode: mode)
      if !attentions.isEmpty { h = attentions[index](h, emb, mode: mode) }
    }
    return upsamplers.reduce(h) { h, upsampler in upsampler(h, emb, mode: mode) }
  }
}
