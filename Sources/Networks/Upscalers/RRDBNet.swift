import NN
import RecipeKit
import Tensors

/// The upscaler of Wang et al. 2018, "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks" (Real-ESRGAN's
/// generator, Wang et al. 2021), under the state-dict names of BasicSR: residual-in-residual dense blocks at the lower
/// resolution, then four times as many rows and columns.
///
/// For scales 2 and 1 blocks of 2 x 2 and 4 x 4 pixels become channels first, so that the same trunk serves.
public final class RRDBNet: UpscalingNetwork, PreparedOnce {
  public let recipe: Recipe
  let convFirst: Conv2d, body: [ResidualInResidualBlock], convBody: Conv2d
  let convUp1: Conv2d, convUp2: Conv2d, convHr: Conv2d, convLast: Conv2d
  /// Set in a copy for inference.
  private(set) var preparedDType: DType?

  /// - Throws: `RecipeError` for a recipe that does not hold.
  public init(_ recipe: Recipe, using initializer: Initializer) throws(RecipeError) {
    try recipe.validate()
    self.recipe = recipe
    let width = recipe.numFeat
    convFirst = Conv2d(recipe.numInCh * recipe.sizeStep * recipe.sizeStep, width, using: initializer)
    body = (0..<recipe.numBlock).map { _ in ResidualInResidualBlock(width, growth: recipe.numGrowCh, using: initializer) }
    convBody = Conv2d(width, width, using: initializer)
    convUp1 = Conv2d(width, width, using: initializer)
    convUp2 = Conv2d(width, width, using: initializer)
    convHr = Conv2d(width, width, using: initializer)
    convLast = Conv2d(width, recipe.numOutCh, using: initializer)
  }

  /// - Parameter x: images `[N, C, H, W]` in [0, 1]; for scale 2 and 1, H and W must be multiples of 2 and 4.
  /// - Returns: `[N, C', scale H, scale W]` float32, not clamped.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    if let problem = recipe.problem(with: x) { return problem }
    let x = x.to(preparedDType ?? .float32)
    let pixels = recipe.sizeStep > 1 ? x.pixelUnshuffle(recipe.sizeStep) : x
    let first = convFirst(pixels.channelsLast()).arising(in: "conv_first")
    let trunk = body.enumerated().reduce(first) { h, block in block.element(h).arising(in: "body.\(block.offset)") }
    var h = convBody(trunk, addingTo: first)
    h = convUp1(doubled(h)).leakyReLU(0.2)
    h = convUp2(doubled(h)).leakyReLU(0.2)
    return convLast(convHr(h).leakyReLU(0.2)).arising(in: "conv_last").to(.float32)
  }

  private func doubled(_ x: Tensor) -> Tensor { x.interpolate(height: 2 * x.size(2), width: 2 * x.size(3), .nearest) }

  public func prepared(for dtype: DType) throws -> Self { try prepared(as: Self(recipe, using: .shapes), for: dtype) }
  package func prepare(for dtype: DType) throws(TorchFault) { preparedDType = dtype }
}

/// The RRDB: three dense blocks, of whose result a fifth is added to the input.
public final class ResidualInResidualBlock: Module {
  let rdb1: ResidualDenseBlock, rdb2: ResidualDenseBlock, rdb3: ResidualDenseBlock

  init(_ channels: Int, growth: Int, using initializer: Initializer) {
    rdb1 = ResidualDenseBlock(channels, growth: growth, using: initializer)
    rdb2 = ResidualDenseBlock(channels, growth: growth, using: initializer)
    rdb3 = ResidualDenseBlock(channels, growth: growth, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { x + 0.2 * rdb3(rdb2(rdb1(x))) }
}

/// Five convolutions, each of which sees the input and all results before its own; a fifth of the last is added to the input.
public final class ResidualDenseBlock: Module {
  let conv1: Conv2d, conv2: Conv2d, conv3: Conv2d, conv4: Conv2d, conv5: Conv2d

  init(_ channels: Int, growth: Int, using initializer: Initializer) {
    conv1 = Conv2d(channels, growth, using: initializer)
    conv2 = Conv2d(channels + growth, growth, using: initializer)
    conv3 = Conv2d(channels + 2 * growth, growth, using: initializer)
    conv4 = Conv2d(channels + 3 * growth, growth, using: initializer)
    conv5 = Conv2d(channels + 4 * growth, channels, using: initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var seen = [x]
    for conv in [conv1, conv2, conv3, conv4] { seen.append(conv(.cat(seen, dim: 1)).leakyReLU(0.2)) }
    return x + 0.2 * conv5(.cat(seen, dim: 1))
  }
}
