import NN
import RecipeKit

extension ContextUNet {
  public struct Recipe: NetworkRecipe, Equatable {
    public static let name = "context_unet"
    /// Channels of the images; by default those of the data.
    public var inChannels: Int? = nil
    /// Channels of the output; by default as many as of the input, twice that where the variance is learned.
    public var outChannels: Int? = nil
    /// Channels at the highest resolution before `channelMult`.
    public var modelChannels = 128
    /// Channels of each level, as multiples of `modelChannels`; each further level halves the resolution.
    public var channelMult: [Double] = [1, 1, 2]
    /// Residual blocks of a level and direction, of which the first changes the resolution.
    public var numResBlocks = 2
    public var dropout = 0.0
    /// Classes whose one-hot vectors are the context, the null class included; by default those of the data, unless `contextDim` is set.
    public var numClasses: Int? = nil
    /// The class that stands for no context; by default that of the data.
    public var nullClass: Int? = nil
    /// Length of context vectors, in place of classes; by default those of the data, if any.
    public var contextDim: Int? = nil

    public init() {}

    public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
      try ContextUNet(self, using: initializer)
    }

    public mutating func adapt(to facts: NetworkInputSpec) {
      inChannels = inChannels ?? facts.channels
      outChannels = outChannels ?? facts.outputChannels
      guard contextDim == nil && numClasses == nil else { return }
      contextDim = facts.contextSize
      guard contextDim == nil else { return }
      numClasses = facts.classRows
      nullClass = nullClass ?? facts.nullClass
    }

    public var resolvedInChannels: Int { inChannels ?? 3 }
    public var resolvedOutChannels: Int { outChannels ?? resolvedInChannels }
    /// Heights and widths are padded to multiples of it.
    public var sizeStep: Int { 1 << max(channelMult.count - 1, 0) }
    /// Cut off after the product, as in ADM.
    func channels(_ level: Int) -> Int { Int(channelMult[level] * Double(modelChannels)) }
    /// Length of the vector that the decoder reads; nil without context.
    var contextWidth: Int? { contextDim ?? numClasses.map { nullClass == nil ? $0 : $0 - 1 } }

    var inputs: NetworkInputs {
      NetworkInputs(
        network: Self.name, channels: resolvedInChannels, labels: numClasses == nil ? .absent : .optional,
        context: contextDim == nil ? .absent : .optional, contextDim: contextDim ?? 0)
    }

    /// How many levels a network may have.
    static let levels = 2...12

    public func validate() throws(RecipeError) {
      try require(Self.levels.contains(channelMult.count), "channel_mult", "expected 2 to 12 levels, found \(channelMult.count)")
      let groups = ContextBlock.groups
      try require(
        (1...65536).contains(modelChannels) && modelChannels % groups == 0, "model_channels",
        "expected a multiple of \(groups), the groups of the norms, found \(modelChannels)")
      for mult in channelMult {
        let made = mult * Double(modelChannels)
        try require(
          made >= 1 && made <= 65536 && Int(made) % groups == 0, "channel_mult",
          "\(mult) makes \(made) channels; expected a multiple of \(groups), the groups of the norms")
      }
      try require((1...64).contains(numResBlocks), "num_res_blocks", "expected 1 to 64, found \(numResBlocks)")
      try requireDropout(dropout)
      try validateContext()
    }

    private func validateContext() throws(RecipeError) {
      try requireCounts([
        ("in_channels", inChannels, 4096), ("out_channels", outChannels, 4096), ("context_dim", contextDim, 1_000_000),
      ])
      try require(
        contextDim == nil || numClasses == nil, "context_dim",
        "the context is a class or a vector; expected num_classes or context_dim alone")
      let classes = numClasses ?? 0
      if let numClasses {
        let least = nullClass == nil ? 1 : 2
        try require((least...1_000_000).contains(numClasses), "num_classes", "expected \(least) to 1000000, found \(numClasses)")
      }
      if let nullClass {
        try require(
          (0..<max(classes, 0)).contains(nullClass), "null_class", "expected one of the \(classes) of num_classes, found \(nullClass)")
      }
    }
  }
}
