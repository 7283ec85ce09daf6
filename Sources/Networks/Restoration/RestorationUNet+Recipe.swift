import NN
import RecipeKit

extension RestorationUNet {
  public struct Recipe: RestoringRecipe, Equatable {
    public static let name = "restoration_unet"
    /// Channels of the images; by default those of the data.
    public var inChannels: Int?
    /// Channels of the output; by default those of the images, twice as many where the variance is learned.
    public var outChannels: Int?
    /// How many corruption strengths the network takes, 0 for none; by default one for each corruption of the training.
    public var numCorruptions: Int?
    public var modelChannels = 48
    /// Channels of each level, in multiples of `model_channels`; each level has half the resolution of the one before.
    public var channelMult = [1, 1, 2]
    /// Residual blocks of a level on the way down; there is one more on the way up.
    public var numResBlocks = 1
    /// The side of the blocks of pixels that become channels before the first convolution.
    public var patchSize = 2

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try RestorationUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      numCorruptions = numCorruptions ?? facts.corruptions
    }

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    public var resolvedNumCorruptions: Int { numCorruptions ?? 0 }
    /// Heights and widths are padded to multiples of it.
    public var sizeStep: Int { patchSize << max(channelMult.count - 1, 0) }
    public static let padsItself = true
    public var reach: Int? {
      let last = max(channelMult.count - 1, 0), side = { (level: Int) in patchSize << level }
      // The convolutions of the blocks down and up, and one that halves and one that doubles the resolution.
      let levels = (0...last).map { level in (2 * (2 * numResBlocks + 1) + (level < last ? 2 : 0)) * side(level) }
      // First and last convolution, the middle, the high-pass, and the alignment to blocks.
      return levels.reduce(2 * side(0) + 4 * side(last) + 2 + side(last) - 1, +)
    }
    var embeddingWidth: Int { 4 * modelChannels }
    /// What the first convolution reads of each block of pixels.
    var stackedChannels: Int { patchSize * patchSize * (3 * resolvedInChannels + resolvedNumCorruptions) }

    var inputs: NetworkInputs {
      NetworkInputs(network: Self.name, channels: resolvedInChannels, lowRes: .required, corruptions: resolvedNumCorruptions)
    }

    public func validate() throws(RecipeError) {
      try requireCounts([
        ("in_channels", inChannels, 64), ("out_channels", outChannels, 128), ("model_channels", modelChannels, 4096),
        ("num_res_blocks", numResBlocks, 64), ("patch_size", patchSize, 16),
      ])
      try require((0...64).contains(resolvedNumCorruptions), "num_corruptions", "expected 0 to 64, found \(resolvedNumCorruptions)")
      try require(modelChannels % 2 == 0, "model_channels", "expected an even number, found \(modelChannels)")
      try require((1...8).contains(channelMult.count), "channel_mult", "expected 1 to 8 levels, found \(channelMult.count)")
      for factor in channelMult {
        try require((1...64).contains(factor), "channel_mult", "expected multiples of 1 to 64, found \(factor)")
      }
    }
  }
}

extension RestorationUNet.Recipe {
  public static let landmarks = ["conv_in.weight", "time_in.weight", "encoder.0.blocks.0.", "decoder.0.blocks.0.", "norm_out.weight"]

  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard let width = shapes.size("conv_in.weight", 0), width > 0, let read = shapes.size("conv_in.weight", 1),
      let written = shapes.size("conv_out.weight", 0)
    else { return nil }
    var recipe = self
    let patch = patchSize * patchSize, output = written / patch
    recipe.modelChannels = width
    // A learned variance doubles the output; the recipe knows whether it does.
    let images = [resolvedInChannels, 2 * resolvedInChannels].contains(output) ? resolvedInChannels : output
    (recipe.inChannels, recipe.outChannels) = (images, output)
    recipe.numCorruptions = read / patch - 3 * images
    recipe.channelMult = Self.counted { shapes.size("encoder.\($0).blocks.0.conv1.weight", 0) }.map { $0 / width }
    recipe.numResBlocks = Self.counted { shapes.size("encoder.0.blocks.\($0).conv1.weight", 0) }.count
    return recipe
  }

  /// The values of an index from 0 up, until there is none; no network has more.
  private static func counted(_ value: (Int) -> Int?) -> [Int] {
    var values: [Int] = []
    while values.count <= 64, let next = value(values.count) { values.append(next) }
    return values
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    [2, 1, 4, 3].compactMap { patch in
      var recipe = Self()
      recipe.patchSize = patch
      guard let fitted = recipe.fitted(to: shapes), (try? fitted.validate()) != nil else { return nil }
      let inputs = NetworkInputSpec(
        channels: fitted.resolvedInChannels, outputChannels: fitted.resolvedOutChannels, height: side, width: side, classRows: nil,
        corruptions: fitted.resolvedNumCorruptions)
      return RecognisedRecipe(recipe: fitted, inputs: inputs, knowsSize: false)
    }
  }
}
