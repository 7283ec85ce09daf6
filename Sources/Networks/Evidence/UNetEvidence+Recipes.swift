extension UNetEvidence {
  package func laid(over recipe: ADMUNet.Recipe) -> ADMUNet.Recipe {
    var result = recipe
    (result.modelChannels, result.channelMult, result.numResBlocks) = (modelChannels, channelMult, numResBlocks)
    (result.inChannels, result.outChannels, result.numClasses) = (inChannels, outChannels ?? recipe.outChannels, numClasses)
    (result.useScaleShiftNorm, result.resblockUpdown, result.contextDim) = (useScaleShiftNorm, recipe.resblockUpdown, contextDim)
    if channelMult.count > 1 { result.resblockUpdown = resblockUpdown }
    result.attentionResolutions = settled(recipe.attentionResolutions, recipe.imageSize, recipe.channelMult.count)
    return result
  }

  package func laid(over recipe: NiceUNet.Recipe) -> NiceUNet.Recipe {
    var result = recipe
    (result.modelChannels, result.channelMult, result.numResBlocks) = (modelChannels, channelMult, numResBlocks)
    (result.inChannels, result.outChannels, result.numClasses) = (inChannels, outChannels ?? recipe.outChannels, numClasses)
    result.useAdaptiveGn = useScaleShiftNorm
    if channelMult.count > 1 { result.resblockUpdown = resblockUpdown }
    result.attentionResolutions = settled(recipe.attentionResolutions, recipe.resolution, recipe.channelMult.count)
    return result
  }

  package func laid(over recipe: EncoderClassifier.Recipe) -> EncoderClassifier.Recipe {
    var result = recipe
    (result.modelChannels, result.channelMult, result.numResBlocks) = (modelChannels, channelMult, numResBlocks)
    (result.inChannels, result.useScaleShiftNorm) = (inChannels, useScaleShiftNorm)
    if channelMult.count > 1 { result.resblockUpdown = resblockUpdown }
    result.attentionResolutions = settled(recipe.attentionResolutions, recipe.imageSize, recipe.channelMult.count)
    return result
  }

  /// The recipe's own list where it means the same levels, whatever its order and whatever in it stands for no level.
  private func settled(_ said: [Int], _ imageSize: Int?, _ levels: Int) -> [Int] {
    guard let imageSize else { return said }
    let step = 1 << max(levels - 1, 0), full = (imageSize + step - 1) / step * step
    let meant = (0..<levels).filter { level in said.contains { $0 << level == full } }
    return meant == attentionLevels ? said : attentionResolutions(full)
  }
}
