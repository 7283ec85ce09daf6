import NN
import RecipeKit

extension DiT {
  /// The options of the published code, in its words.
  public struct Recipe: NetworkRecipe, Equatable {
    public static let name = "dit"
    /// Rows and columns of the images for whose patches positions are stored; by default the larger side of the data.
    public var inputSize: Int? = nil
    /// Rows and columns of a patch.
    public var patchSize = 2
    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Channels of the output; by default as many as of the input, twice that where the variance is learned.
    public var outChannels: Int? = nil
    /// Length of the vector of each patch.
    public var hiddenSize = 384
    /// Blocks of attention and an MLP.
    public var depth = 12
    /// Heads of attention, which share the vector among them.
    public var numHeads = 6
    /// Width of the MLP between its two maps, as a multiple of `hiddenSize`.
    public var mlpRatio = 4.0
    /// Rows of the class embedding, the null class included; by default those of the data.
    public var numClasses: Int? = nil
    /// Gradient checkpointing: training recomputes blocks in the backward pass instead of keeping their activations, which takes less
    /// memory and a third more time.
    public var useCheckpoint = false

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork { try DiT(self, using: initializer) }

    public mutating func adapt(to facts: NetworkInputSpec) {
      inputSize = inputSize ?? max(facts.height, facts.width)
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      numClasses = numClasses ?? facts.classRows
    }

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    var mlpWidth: Int { Int(mlpRatio * Double(hiddenSize)) }
    /// Patches in a row of the images that `inputSize` is of.
    var gridSide: Int { ((inputSize ?? 32) + patchSize - 1) / patchSize }

    var inputs: NetworkInputs {
      NetworkInputs(network: Self.name, channels: resolvedInChannels, labels: numClasses == nil ? .absent : .required)
    }

    /// How many blocks a network may have.
    static let depths = 1...256
    /// The longest row of patches; attention among as many as its square is out of reach.
    private static let longestRow = 1024

    public func validate() throws(RecipeError) {
      try require((1...1024).contains(patchSize), "patch_size", "expected 1 to 1024, found \(patchSize)")
      try require((4...65536).contains(hiddenSize), "hidden_size", "expected 4 to 65536, found \(hiddenSize)")
      try require(
        hiddenSize % 4 == 0, "hidden_size", "expected a multiple of 4, for sines and cosines of row and column, found \(hiddenSize)")
      try require(Self.depths.contains(depth), "depth", "expected 1 to \(Self.depths.upperBound) blocks, found \(depth)")
      try require(
        (1...hiddenSize).contains(numHeads) && hiddenSize % numHeads == 0, "num_heads",
        "expected a divisor of hidden_size \(hiddenSize), found \(numHeads)")
      let width = mlpRatio * Double(hiddenSize)
      try require(
        width >= 1 && width <= 1_048_576, "mlp_ratio", "\(mlpRatio) makes an MLP of width \(width); expected 1 to 1048576")
      try requireCounts([
        ("in_channels", inChannels, 4096), ("out_channels", outChannels, 4096), ("num_classes", numClasses, 1_000_000),
        ("input_size", inputSize, 65536),
      ])
      try require(
        gridSide <= Self.longestRow, "input_size",
        "\(inputSize ?? 0) makes rows of \(gridSide) patches; expected at most \(Self.longestRow), or a larger patch_size")
    }
  }
}
