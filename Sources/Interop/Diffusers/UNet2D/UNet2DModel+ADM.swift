import NN
import Networks
import RecipeKit
import Tensors

/// An ADM UNet as the UNet2DModel that computes the same.
extension UNet2DModel.Recipe {
  /// - Throws: `RecipeError` for an option that UNet2DModel cannot express, naming it and saying why.
  public init(expressing adm: ADMUNet.Recipe) throws(RecipeError) {
    try adm.validate()
    try Self.checkExpressible(adm)
    self.init()
    (inChannels, outChannels) = (adm.resolvedInChannels, adm.resolvedOutChannels)
    blockOutChannels = adm.channelMult.indices.map(adm.channels)
    layersPerBlock = adm.numResBlocks
    let attends = adm.channelMult.indices.map(adm.hasAttention)
    downBlockTypes = attends.map { $0 ? .attention : adm.resblockUpdown ? .residual : .plain }
    upBlockTypes = attends.reversed().map { $0 ? .attention : adm.resblockUpdown ? .residual : .plain }
    (downsampleType, upsampleType) = adm.resblockUpdown ? (.residual, .residual) : (.convolution, .convolution)
    attentionHeadDim = try Self.headWidth(adm)
    (normNumGroups, attnNormNumGroups) = (32, 32)
    resnetTimeScaleShift = adm.useScaleShiftNorm ? .scaleShift : .added
    (dropout, numClassEmbeds) = (adm.dropout, adm.numClasses)
  }

  private static func checkExpressible(_ adm: ADMUNet.Recipe) throws(RecipeError) {
    func inexpressible(_ key: String, _ why: String) -> RecipeError {
      RecipeError(place: nil, path: "network.\(key)", "a UNet2DModel cannot express it: \(why)")
    }
    if adm.normalization != .openai {
      throw inexpressible("normalization", "all its norms have the same number of groups, whatever their channels")
    }
    if adm.contextDim != nil { throw inexpressible("context_dim", "it takes times and classes, no context vectors") }
    if adm.augmentDim != nil { throw inexpressible("augment_dim", "it takes times and classes, no augmentation labels") }
    if !adm.resblockUpdown && !adm.convResample { throw inexpressible("conv_resample", "its changes of resolution all have parameters") }
    if adm.channels(0) != adm.modelChannels {
      throw inexpressible(
        "channel_mult", "its embedding of time has as many elements as the first level has channels, so the first must be 1")
    }
  }

  /// The channels of a head, which are the same everywhere; nil where everywhere one head has all channels.
  fileprivate static func headWidth(_ adm: ADMUNet.Recipe) throws(RecipeError) -> Int? {
    let plan = try adm.plan()
    var widths: Set<Int> = [], counts: Set<Int> = []
    for layer in (plan.input + [plan.middle] + plan.output).joined() {
      guard case .attention(let channels, let heads) = layer else { continue }
      widths.insert(channels / heads)
      counts.insert(heads)
    }
    if counts == [1] && widths.count > 1 { return nil }
    guard widths.count == 1, let width = widths.first else {
      throw RecipeError(
        place: nil, path: "network.num_heads",
        "a UNet2DModel cannot express it: its heads all have as many channels, these have \(widths.sorted()); "
          + "train with num_head_channels instead")
    }
    return width
  }
}

extension ADMUNet {
  /// The weights under UNet2DModel's names, for the network of `UNet2DModel.Recipe(expressing:)`: views of this one's where
  /// nothing but the name differs.
  /// - Throws: as that recipe.
  public func unet2DState() throws(RecipeError) -> StateDict {
    let renamed = try UNet2DRenaming(recipe)
    return StateDict(state().flatMap { name, entry in renamed.moved(name, entry.value.detach()) })
  }
}

/// The blocks of an ADM UNet under UNet2DModel's names.
private struct UNet2DRenaming {
  private enum Kind { case residual, attention, plain }
  private var blocks: [String: (name: String, kind: Kind)] = [
    "time_embed.0": ("time_embedding.linear_1", .plain), "time_embed.2": ("time_embedding.linear_2", .plain),
    "label_emb": ("class_embedding", .plain), "input_blocks.0.0": ("conv_in", .plain),
    "middle_block.0": ("mid_block.resnets.0", .residual), "middle_block.1": ("mid_block.attentions.0", .attention),
    "middle_block.2": ("mid_block.resnets.1", .residual),
    "out.0": ("conv_norm_out", .plain), "out.2": ("conv_out", .plain),
  ]
  private static let parts: [Kind: [String: String]] = [
    .residual: [
      "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2", "out_layers.3": "conv2",
      "skip_connection": "conv_shortcut",
    ],
    .attention: ["norm": "group_norm", "proj_out": "to_out.0"],
    .plain: ["op": "conv", "conv": "conv"],
  ]
  private let recipe: ADMUNet.Recipe
  /// Channels of a head; nil for one head over all.
  private let headWidth: Int?

  init(_ recipe: ADMUNet.Recipe) throws(RecipeError) {
    self.recipe = recipe
    headWidth = try UNet2DModel.Recipe.headWidth(recipe)
    nameEncoder()
    nameDecoder()
  }

  private mutating func nameEncoder() {
    var index = 1
    for level in recipe.channelMult.indices {
      for layer in 0..<recipe.numResBlocks {
        blocks["input_blocks.\(index).0"] = ("down_blocks.\(level).resnets.\(layer)", .residual)
        blocks["input_blocks.\(index).1"] = ("down_blocks.\(level).attentions.\(layer)", .attention)
        index += 1
      }
      blocks["input_blocks.\(index).0"] = ("down_blocks.\(level).downsamplers.0", recipe.resblockUpdown ? .residual : .plain)
      index += 1
    }
  }

  private mutating func nameDecoder() {
    var index = 0
    for (block, level) in recipe.channelMult.indices.reversed().enumerated() {
      for layer in 0...recipe.numResBlocks {
        let attends = recipe.hasAttention(level)
        blocks["output_blocks.\(index).0"] = ("up_blocks.\(block).resnets.\(layer)", .residual)
        if attends { blocks["output_blocks.\(index).1"] = ("up_blocks.\(block).attentions.\(layer)", .attention) }
        if level > 0 && layer == recipe.numResBlocks {
          let last = "output_blocks.\(index).\(attends ? 2 : 1)"
          blocks[last] = ("up_blocks.\(block).upsamplers.0", recipe.resblockUpdown ? .residual : .plain)
        }
        index += 1
      }
    }
  }

  /// A tensor under its new name; one of queries, keys and values becomes three.
  func moved(_ name: String, _ tensor: Tensor) -> [(String, Tensor)] {
    let pieces = name.split(separator: ".").map(String.init)
    for count in (1..<pieces.count).reversed() {
      guard let (block, kind) = blocks[pieces[..<count].joined(separator: ".")] else { continue }
      let part = pieces[count..<(pieces.count - 1)].joined(separator: "."), end = pieces[pieces.count - 1]
      if kind == .attention, part == "qkv" {
        return zip(["to_q", "to_k", "to_v"], thirds(tensor)).map { ("\(block).\($0).\(end)", $1) }
      }
      let renamed = Self.parts[kind]?[part] ?? part
      let matrix = kind == .attention && tensor.rank == 3 ? tensor.squeeze(-1) : tensor
      return [([block, renamed, end].filter { !$0.isEmpty }.joined(separator: "."), matrix)]
    }
    return [(name, tensor)]
  }

  /// Queries, keys and values of `[3 C, C, 1]` or `[3 C]`, each `[C, C]` or `[C]`.
  private func thirds(_ tensor: Tensor) -> [Tensor] {
    let matrix = tensor.rank == 3 ? tensor.squeeze(-1) : tensor
    if recipe.useNewAttentionOrder { return matrix.chunk(3, dim: 0) }
    let channels = tensor.size(0) / 3
    let rest = Array(matrix.shape.dropFirst())
    // Each head has its own queries, keys and values one after the other.
    let width = headWidth ?? channels
    return (0..<3).map { part in
      matrix.reshape([channels / width, 3, width] + rest).select(1, part).reshape([channels] + rest)
    }
  }
}
