import NN
import RecipeKit

extension RRDBNet {
  /// The arguments of BasicSR's network, in its words; the defaults are RealESRGAN_x4plus.
  public struct Recipe: UpscalerRecipe, Equatable {
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
      for (key, value) in [("num_in_ch", numInCh), ("num_out_ch", numOutCh), ("num_feat", numFeat), ("num_grow_ch", numGrowCh)] {
        try require((1...4096).contains(value), key, "expected 1 to 4096, found \(value)")
      }
      try require((1...256).contains(numBlock), "num_block", "expected 1 to 256, found \(numBlock)")
    }

    public var size: (blocks: Int, features: Int, growth: Int?) { (numBlock, numFeat, numGrowCh) }

    public func makeUpscaler(using initializer: Initializer) throws -> any UpscalingNetwork { try RRDBNet(self, using: initializer) }
  }
}
