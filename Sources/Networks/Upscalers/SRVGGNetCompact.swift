import NN
import RecipeKit
import Tensors

/// The small upscaler of Real-ESRGAN (realesr-general-x4v3, realesr-animevideov3), under the state-dict names of BasicSR: a chain of
/// 3 x 3 convolutions with PReLU at the lower resolution, whose last channels become pixels, added to the image with each pixel
/// repeated.
public final class SRVGGNetCompact: UpscalingNetwork, PreparedOnce {
  public let recipe: Recipe
  let body: [any UpscalerLayer]
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  /// The arguments of BasicSR's network, in its words; the defaults are realesr-general-x4v3. Of its activations only PReLU, the one
  /// of all published weights, leaves a trace in a checkpoint, and it is the only one here.
  public struct Recipe: UpscalerRecipe, Equatable {
    public static let name = "srvgg_net_compact"
    /// Channels of the images, and of the result.
    public var numInCh = 3, numOutCh = 3
    /// Channels between the convolutions.
    public var numFeat = 64
    /// Convolutions between the first and the last.
    public var numConv = 32
    /// Rows and columns of the result for each of the image.
    public var upscale = 4

    public init() {}

    public var scale: Int { upscale }
    public var sizeStep: Int { 1 }
    /// One pixel for each 3 x 3 convolution.
    public var reach: Int { numConv + 2 }
    public var size: (blocks: Int, features: Int, growth: Int?) { (numConv, numFeat, nil) }

    public func makeUpscaler(using initializer: Initializer) throws -> any UpscalingNetwork {
      try SRVGGNetCompact(self, using: initializer)
    }

    public func validate() throws(RecipeError) {
      try require((1...4096).contains(numFeat), "num_feat", "expected 1 to 4096, found \(numFeat)")
      try require((0...256).contains(numConv), "num_conv", "expected 0 to 256, found \(numConv)")
      try require((1...16).contains(upscale), "upscale", "expected 1 to 16, found \(upscale)")
      try require((1...4096).contains(numInCh), "num_in_ch", "expected 1 to 4096, found \(numInCh)")
      try require(
        numOutCh == numInCh, "num_out_ch",
        "expected \(numInCh), the channels of the images, which are added to the result, found \(numOutCh)")
    }
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe, using initializer: Initializer) throws(RecipeError) {
    try recipe.validate()
    self.recipe = recipe
    var body: [any UpscalerLayer] = []
    for index in 0...recipe.numConv {
      body.append(Conv2d(index == 0 ? recipe.numInCh : recipe.numFeat, recipe.numFeat, using: initializer))
      body.append(PReLU(recipe.numFeat, using: initializer))
    }
    body.append(Conv2d(recipe.numFeat, recipe.numOutCh * recipe.upscale * recipe.upscale, using: initializer))
    self.body = body
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    if let problem = recipe.problem(with: x) { return problem }
    let scale = recipe.upscale, pixels = x.to(preparedDType ?? .float32).channelsLast()
    let h = body.enumerated().reduce(pixels) { h, layer in layer.element.apply(to: h).arising(in: "body.\(layer.offset)") }
    let base = x.to(.float32).interpolate(height: scale * x.size(2), width: scale * x.size(3), .nearest)
    return base + h.pixelShuffle(scale).to(.float32)
  }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}

/// A layer of the chain.
protocol UpscalerLayer: Module {
  /// - Parameter x: `[N, C, H, W]`.
  func apply(to x: Tensor) -> Tensor
}

extension Conv2d: UpscalerLayer {
  func apply(to x: Tensor) -> Tensor { self(x) }
}

/// x where it is positive, else x times a slope that is learned for each channel (He et al. 2015, "Delving Deep into Rectifiers").
final class PReLU: Module, Preparable, UpscalerLayer {
  let weight: Parameter

  init(_ channels: Int, using initializer: Initializer) { weight = Parameter(initializer.constant(0.25, [channels])) }

  func apply(to x: Tensor) -> Tensor {
    let slope = weight.value.to(x.dtype).reshape(1, -1, 1, 1)
    return x.relu() - slope * (0 - x).relu()
  }

  package func prepare(for dtype: DType) throws(TorchFault) { try weight.prepare(as: .float32) }
}
