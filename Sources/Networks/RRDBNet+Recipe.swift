import RecipeKit
import Tensors

extension RRDBNet {
  /// The arguments of BasicSR's network, in its words; the defaults are RealESRGAN_x4plus.
  public struct Recipe: NamedRecipe, Equatable {
    public static let name = "rrdbnet"
    /// Channels of the images, and of the result.
    public var numInCh = 3, numOutCh = 3
    /// Rows and columns of the result for each of the image: 1, 2 or 4.
    public var scale = 4
    /// Channels between the blocks.
    public var numFeat = 64
    public var numBlock = 23
    /// Channels that each convolution of a dense block adds.
    public var numGrowCh = 32

    public init() {}

    /// Heights and widths must be multiples of it.
    public var sizeStep: Int { 4 / scale }

    /// How many pixels away from a pixel of the image the result there still depends on. In the trunk's pixels, each a block of
    /// `sizeStep` pixels: one for each of its 3 x 3 convolutions, and two for the four at two and four times its size.
    public var reach: Int { sizeStep * (15 * numBlock + 4) }

    public func validate() throws(RecipeError) {
      try require([1, 2, 4].contains(scale), "scale", "expected 1, 2 or 4, found \(scale)")
      for (key, value) in [
        ("num_in_ch", numInCh), ("num_out_ch", numOutCh), ("num_feat", numFeat), ("num_block", numBlock), ("num_grow_ch", numGrowCh),
      ] {
        try require((1...4096).contains(value), key, "expected 1 to 4096, found \(value)")
      }
    }

    /// The recipe whose network has a state dict's shapes. The result is taken to have as many channels as the images, which
    /// is what tells the scale.
    /// - Throws: `RecipeError` when it is no RRDBNet's, or of none of the scales.
    public init(recognising state: StateDict) throws(RecipeError) {
      func shape(_ name: String) throws(RecipeError) -> [Int] {
        guard let shape = state[name]?.shape, shape.count == 4 else {
          throw RecipeError(place: nil, "the state dict is no RRDBNet's: expected weights [O, I, K, K] under '\(name)'")
        }
        return shape
      }
      let first = try shape("conv_first.weight")
      numFeat = first[0]
      numGrowCh = try shape("body.0.rdb1.conv1.weight")[0]
      numOutCh = try shape("conv_last.weight")[0]
      numInCh = numOutCh
      numBlock = (0...).first { state["body.\($0).rdb1.conv1.weight"] == nil }!
      guard let scale = [4, 2, 1].first(where: { first[1] == numInCh * (4 / $0) * (4 / $0) }) else {
        throw RecipeError(
          place: nil,
          "conv_first takes \(first[1]) channels and conv_last gives \(numOutCh): expected 1, 4 or 16 times as many, for scale 4, 2 or 1")
      }
      self.scale = scale
    }
  }
}
