/// What the names and shapes of a UNet2DModel's state dict say of its options. Heads, padding, the embedding's order and the process
/// leave no trace in them.
package struct UNet2DEvidence {
  /// How a level changes the resolution, where it does.
  private enum Resampling { case convolution, residual }
  private struct Level {
    let channels: Int, layers: Int, attends: Bool
    /// Nil for the level that leaves the resolution as it is.
    let resampling: Resampling?
  }

  private let down: [Level], up: [Level]
  private let inChannels: Int, outChannels: Int, embeddingWidth: Int
  private let numClasses: Int?
  private let hasMiddle: Bool, middleAttends: Bool, middleIsNormed: Bool
  private let useScaleShiftNorm: Bool

  /// - Returns: nil for a state dict that is no UNet2DModel's.
  package init?(_ shapes: [String: [Int]]) {
    func size(_ name: String, _ axis: Int) -> Int? { shapes[name].flatMap { $0.indices.contains(axis) ? $0[axis] : nil } }
    func levels(_ blocks: String, _ resampler: String) -> [Level] {
      (0...).lazy.map { level -> Level? in
        let block = "\(blocks).\(level)", resampler = "\(block).\(resampler).0"
        guard let channels = size("\(block).resnets.0.conv1.weight", 0) else { return nil }
        return Level(
          channels: channels, layers: (0...).lazy.prefix { shapes["\(block).resnets.\($0).conv1.weight"] != nil }.count,
          attends: shapes["\(block).attentions.0.to_q.weight"] != nil,
          resampling: shapes["\(resampler).conv1.weight"] != nil
            ? .residual : shapes["\(resampler).conv.weight"] != nil ? .convolution : nil)
      }.prefix { $0 != nil }.compactMap { $0 }
    }
    (down, up) = (levels("down_blocks", "downsamplers"), levels("up_blocks", "upsamplers"))
    guard let inChannels = size("conv_in.weight", 1), let outChannels = size("conv_out.weight", 0), let first = down.first,
      let embeddingWidth = size("time_embedding.linear_1.weight", 0), down.count == up.count
    else { return nil }
    (self.inChannels, self.outChannels, self.embeddingWidth) = (inChannels, outChannels, embeddingWidth)
    numClasses = size("class_embedding.weight", 0)
    hasMiddle = shapes["mid_block.resnets.0.conv1.weight"] != nil
    middleAttends = shapes["mid_block.attentions.0.to_q.weight"] != nil
    middleIsNormed = shapes["mid_block.attentions.0.group_norm.weight"] != nil
    useScaleShiftNorm = size("down_blocks.0.resnets.0.time_emb_proj.weight", 0) == 2 * first.channels
  }

  package func laid(over recipe: UNet2DModel.Recipe) -> UNet2DModel.Recipe {
    var result = recipe
    (result.inChannels, result.outChannels, result.numClassEmbeds) = (inChannels, outChannels, numClasses)
    (result.blockOutChannels, result.layersPerBlock) = (down.map(\.channels), down[0].layers)
    // The recipe's own nil where it means the same.
    if embeddingWidth != recipe.timeEmbeddingDim ?? 4 * down[0].channels { result.timeEmbeddingDim = embeddingWidth }
    result.resnetTimeScaleShift = useScaleShiftNorm ? .scaleShift : .added
    result.downBlockTypes = down.indices.map { index in
      let said = recipe.downBlockTypes.indices.contains(index) ? recipe.downBlockTypes[index] : .plain
      return Self.type(of: down[index], said, plain: .plain, attention: .attention, residual: .residual)
    }
    result.upBlockTypes = up.indices.map { index in
      let said = recipe.upBlockTypes.indices.contains(index) ? recipe.upBlockTypes[index] : .plain
      return Self.type(of: up[index], said, plain: .plain, attention: .attention, residual: .residual)
    }
    if let resampler = Self.resampler(of: down) { result.downsampleType = resampler }
    if let resampler = Self.resampler(of: up) { result.upsampleType = resampler }
    layMiddle(over: &result)
    return result
  }

  private func layMiddle(over result: inout UNet2DModel.Recipe) {
    result.midBlockType = hasMiddle ? result.midBlockType ?? .usual : nil
    guard hasMiddle else { return }
    result.addAttention = middleAttends
    guard middleAttends else { return }
    if !middleIsNormed {
      result.attnNormNumGroups = nil
    } else if useScaleShiftNorm {
      result.attnNormNumGroups = result.attnNormNumGroups ?? result.normNumGroups
    }
  }

  /// A level that leaves the resolution as it is has the same tensors whether it is plain or residual.
  private static func type<Block: Equatable>(of level: Level, _ said: Block, plain: Block, attention: Block, residual: Block) -> Block {
    if level.attends { return attention }
    switch level.resampling {
    case .convolution: return plain
    case .residual: return residual
    case nil: return said == attention ? plain : said
    }
  }

  /// Of levels with attention alone: for the others the type of the block says it.
  private static func resampler(of levels: [Level]) -> UNet2DModel.Recipe.Resampler? {
    levels.lazy.filter(\.attends).compactMap(\.resampling).first.map { $0 == .residual ? .residual : .convolution }
  }
}
