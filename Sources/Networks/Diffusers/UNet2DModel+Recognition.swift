extension UNet2DModel.Recipe {
  public static let landmarks = ["time_embedding.linear_1.weight", "down_blocks.", "up_blocks."]

  /// diffusers' attention before version 0.17 had other names.
  public static func currentName(of name: String) -> String {
    var parts = name.split(separator: ".").map(String.init)
    guard parts.contains("attentions"), parts.count > 2 else { return name }
    let renamed = ["query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"]
    guard let current = renamed[parts[parts.count - 2]] else { return name }
    parts[parts.count - 2] = current
    return parts.joined(separator: ".")
  }

  public func fitted(to shapes: CheckpointShapes) -> Self? { UNet2DEvidence(shapes)?.fitted(self) }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let evidence = UNet2DEvidence(shapes) else { return [] }
    var recipe = evidence.fitted(Self())
    // What leaves no trace must still fit the channels.
    recipe.normNumGroups = [32, 16, 8, 4, 2].first { groups in recipe.blockOutChannels.allSatisfy { $0 % groups == 0 } } ?? 1
    if let groups = recipe.attnNormNumGroups { recipe.attnNormNumGroups = min(groups, recipe.normNumGroups) }
    if let width = recipe.attentionHeadDim, !recipe.blockOutChannels.allSatisfy({ $0 % width == 0 }) { recipe.attentionHeadDim = nil }
    let side = sideThatHalves(side, levels: recipe.blockOutChannels.count)
    let inputs = NetworkInputSpec(
      channels: recipe.resolvedInChannels, outputChannels: recipe.resolvedOutChannels, height: side, width: side,
      classRows: recipe.numClassEmbeds)
    return [RecognisedRecipe(recipe: recipe, inputs: inputs, knowsSize: false)]
  }
}

/// What the names and shapes of a UNet2DModel's checkpoint show of its options. Heads, padding, the embedding's order and the process
/// leave no trace in them.
private struct UNet2DEvidence {
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

  /// - Returns: nil for the checkpoint of another network, or of more levels than any recipe may have.
  init?(_ shapes: CheckpointShapes) {
    func levels(_ blocks: String, _ resampler: String) -> [Level] {
      (0...).lazy.map { level -> Level? in
        let block = "\(blocks).\(level)", resampler = "\(block).\(resampler).0"
        guard let channels = shapes.size("\(block).resnets.0.conv1.weight", 0) else { return nil }
        return Level(
          channels: channels, layers: (0...).lazy.prefix { shapes.has("\(block).resnets.\($0).conv1.weight") }.count,
          attends: shapes.has("\(block).attentions.0.to_q.weight"),
          resampling: shapes.has("\(resampler).conv1.weight")
            ? .residual : shapes.has("\(resampler).conv.weight") ? .convolution : nil)
      }.prefix { $0 != nil }.compactMap { $0 }
    }
    (down, up) = (levels("down_blocks", "downsamplers"), levels("up_blocks", "upsamplers"))
    guard let inChannels = shapes.size("conv_in.weight", 1), let outChannels = shapes.size("conv_out.weight", 0), let first = down.first,
      let embeddingWidth = shapes.size("time_embedding.linear_1.weight", 0), down.count == up.count,
      UNet2DModel.Recipe.levels.contains(down.count)
    else { return nil }
    (self.inChannels, self.outChannels, self.embeddingWidth) = (inChannels, outChannels, embeddingWidth)
    numClasses = shapes.size("class_embedding.weight", 0)
    hasMiddle = shapes.has("mid_block.resnets.0.conv1.weight")
    middleAttends = shapes.has("mid_block.attentions.0.to_q.weight")
    middleIsNormed = shapes.has("mid_block.attentions.0.group_norm.weight")
    useScaleShiftNorm = shapes.size("down_blocks.0.resnets.0.time_emb_proj.weight", 0) == 2 * first.channels
  }

  func fitted(_ recipe: UNet2DModel.Recipe) -> UNet2DModel.Recipe {
    var result = recipe
    (result.inChannels, result.outChannels, result.numClassEmbeds) = (inChannels, outChannels, numClasses)
    (result.blockOutChannels, result.layersPerBlock) = (down.map(\.channels), down[0].layers)
    // The recipe's own nil where it means the same.
    if embeddingWidth != recipe.timeEmbeddingDim ?? 4 * down[0].channels { result.timeEmbeddingDim = embeddingWidth }
    result.resnetTimeScaleShift = useScaleShiftNorm ? .scaleShift : .added
    result.downBlockTypes = down.indices.map { index in
      let own = recipe.downBlockTypes.indices.contains(index) ? recipe.downBlockTypes[index] : .plain
      return Self.type(of: down[index], own, plain: .plain, attention: .attention, residual: .residual)
    }
    result.upBlockTypes = up.indices.map { index in
      let own = recipe.upBlockTypes.indices.contains(index) ? recipe.upBlockTypes[index] : .plain
      return Self.type(of: up[index], own, plain: .plain, attention: .attention, residual: .residual)
    }
    if let resampler = Self.resampler(of: down) { result.downsampleType = resampler }
    if let resampler = Self.resampler(of: up) { result.upsampleType = resampler }
    fitMiddle(over: &result)
    return result
  }

  private func fitMiddle(over result: inout UNet2DModel.Recipe) {
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
  private static func type<Block: Equatable>(of level: Level, _ own: Block, plain: Block, attention: Block, residual: Block) -> Block {
    if level.attends { return attention }
    switch level.resampling {
    case .convolution: return plain
    case .residual: return residual
    case nil: return own == attention ? plain : own
    }
  }

  /// The resampler of the levels with attention; the block types of the others show theirs.
  private static func resampler(of levels: [Level]) -> UNet2DModel.Recipe.Resampler? {
    levels.lazy.filter(\.attends).compactMap(\.resampling).first.map { $0 == .residual ? .residual : .convolution }
  }
}
