import NN
import RecipeKit
import Tensors

/// The layers of an ADM UNet, block by block, before any is made.
package struct UNetPlan {
  package enum Layer {
    case convolution(Int, Int)
    case residual(Int, Int, Resampling)
    case attention(Int, heads: Int)
    case downsample(Int)
    case upsample(Int)
  }
  package var input: [[Layer]] = [], middle: [Layer] = [], output: [[Layer]] = []
  /// Channels of each input block's output.
  var skips: [Int] = []
  /// Channels of the middle block, and of the last output block.
  var middleChannels = 0, outputChannels = 0
}

extension ADMUNet.Recipe {
  /// Elements of the embedding of time, class and context.
  var embeddingWidth: Int { 4 * modelChannels }

  /// Cut off after the product, as in the reference.
  package func channels(_ level: Int) -> Int { Int(channelMult[level] * Double(modelChannels)) }

  /// Whether attention follows the residual blocks at a level.
  package func hasAttention(_ level: Int) -> Bool {
    attentionResolutions.contains { $0 << level == fullHeight }
  }

  private func attention(_ channels: Int, decoder: Bool) throws(RecipeError) -> UNetPlan.Layer {
    let wanted = decoder && numHeadsUpsample > 0 ? numHeadsUpsample : numHeads
    let heads = numHeadChannels > 0 ? channels / numHeadChannels : wanted
    guard heads > 0, channels % heads == 0, numHeadChannels <= 0 || channels % numHeadChannels == 0 else {
      throw RecipeError(
        place: nil, path: "num_heads", "attention over \(channels) channels: neither num_heads nor num_head_channels divides them")
    }
    return .attention(channels, heads: heads)
  }

  package func plan() throws(RecipeError) -> UNetPlan {
    var plan = UNetPlan()
    try planEncoder(&plan)
    try planDecoder(&plan)
    return plan
  }

  private func planEncoder(_ plan: inout UNetPlan) throws(RecipeError) {
    var current = channels(0)
    plan.skips = [current]
    plan.input = [[.convolution(resolvedInChannels, current)]]
    for level in channelMult.indices {
      for _ in 0..<numResBlocks {
        var block: [UNetPlan.Layer] = [.residual(current, channels(level), .none)]
        current = channels(level)
        if hasAttention(level) { block.append(try attention(current, decoder: false)) }
        plan.input.append(block)
        plan.skips.append(current)
      }
      if level < channelMult.count - 1 {
        plan.input.append([resblockUpdown ? .residual(current, current, .down) : .downsample(current)])
        plan.skips.append(current)
      }
    }
    plan.middle = [.residual(current, current, .none), try attention(current, decoder: false), .residual(current, current, .none)]
    plan.middleChannels = current
  }

  private func planDecoder(_ plan: inout UNetPlan) throws(RecipeError) {
    var current = plan.middleChannels, skips = plan.skips
    for level in channelMult.indices.reversed() {
      for i in 0...numResBlocks {
        var block: [UNetPlan.Layer] = [.residual(current + skips.removeLast(), channels(level), .none)]
        current = channels(level)
        if hasAttention(level) { block.append(try attention(current, decoder: true)) }
        if level > 0 && i == numResBlocks { block.append(resblockUpdown ? .residual(current, current, .up) : .upsample(current)) }
        plan.output.append(block)
      }
    }
    plan.outputChannels = current
  }
}

extension UNetPlan.Layer {
  func make<Names: UNetNames>(
    _ recipe: ADMUNet.Recipe, _ names: Names.Type, using initializer: Initializer
  ) throws(TorchFault) -> any UNetLayer {
    let layer = try makePlain(recipe, names, using: initializer)
    switch self {
    case .residual, .attention: return recipe.useCheckpoint ? CheckpointedLayer(layer) : layer
    default: return layer
    }
  }

  private func makePlain<Names: UNetNames>(
    _ recipe: ADMUNet.Recipe, _ names: Names.Type, using initializer: Initializer
  ) throws(TorchFault) -> any UNetLayer {
    switch self {
    case .convolution(let inputs, let outputs): Conv2d(inputs, outputs, using: initializer)
    case .residual(let inputs, let outputs, let resampling):
      try ResBlock<Names>(inputs, outputs, embedding: recipe.embeddingWidth, resampling: resampling, recipe, using: initializer)
    case .attention(let channels, let heads): try AttentionBlock<Names>(channels, heads: heads, recipe, using: initializer)
    case .downsample(let channels): Downsample<Names>(channels, convolution: recipe.convResample, using: initializer)
    case .upsample(let channels): Upsample(channels, convolution: recipe.convResample, using: initializer)
    }
  }
}
