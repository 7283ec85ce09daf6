import NN
import RecipeKit

extension SimpleDiffusionUNet {
  /// The options of simple-diffusion, in its words.
  public struct Recipe: NetworkRecipe, Equatable {
    public static let name = "simple_diffusion_unet"
    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Channels of the output; by default as many as of the input, twice that where the variance is learned.
    public var outChannels: Int? = nil
    /// Channels of each level, and last those of the middle, which has the resolution of the level before.
    public var hiddenDims = [64, 128, 256, 512]

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try SimpleDiffusionUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
    }

    /// How many entries `hiddenDims` may have.
    static let levels = 2...13

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    /// Heights and widths are padded to multiples of it.
    public var sizeStep: Int { 1 << max(hiddenDims.count - 2, 0) }
    var embeddingWidth: Int { 4 * hiddenDims[0] }

    public func validate() throws(RecipeError) {
      try require(Self.levels.contains(hiddenDims.count), "hidden_dims", "expected 2 to 13 levels, found \(hiddenDims.count)")
      let groups = SimpleResidualBlock.groups
      for channels in hiddenDims {
        try require(
          (1...65536).contains(channels) && channels % groups == 0, "hidden_dims",
          "expected multiples of \(groups), the groups of the norms, up to 65536, found \(channels)")
      }
      try requireCounts([("in_channels", inChannels, 4096), ("out_channels", outChannels, 4096)])
    }
  }
}

extension SimpleDiffusionUNet.Recipe {
  public static let landmarks = ["init_conv.weight", "time_embedding.0.weight", "mid_attn.to_qkv.weight", "down_blocks."]

  /// - Returns: nil also for the networks of `use_flash_attn`, which attend at the highest level too.
  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard let first = shapes.size("init_conv.weight", 0), let inChannels = shapes.size("init_conv.weight", 1),
      let outChannels = shapes.size("conv_out.weight", 0), !shapes.has("down_blocks.0.2.to_qkv.weight")
    else { return nil }
    var recipe = self
    (recipe.inChannels, recipe.outChannels) = (inChannels, outChannels)
    recipe.hiddenDims =
      [first]
      + (0...).lazy.map { shapes.size("down_blocks.\($0).3.1.weight", 0) ?? shapes.size("down_blocks.\($0).3.weight", 0) }
      .prefix { $0 != nil }.compactMap { $0 }
    return Self.levels.contains(recipe.hiddenDims.count) ? recipe : nil
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let recipe = Self().fitted(to: shapes) else { return [] }
    let side = sideThatHalves(side, levels: recipe.hiddenDims.count - 1)
    let inputs = NetworkInputSpec(
      channels: recipe.resolvedInChannels, outputChannels: recipe.resolvedOutChannels, height: side, width: side, classRows: nil)
    return [RecognisedRecipe(recipe: recipe, inputs: inputs, knowsSize: false)]
  }
}
