import NN
import RecipeKit
import Tensors

/// A network that enlarges images in one pass.
public protocol UpscalingNetwork: Module {
  /// - Parameter x: images `[N, C, H, W]` in [0, 1], whose height and width are multiples of the recipe's `sizeStep`.
  /// - Returns: `[N, C', scale H, scale W]` float32, not clamped.
  func callAsFunction(_ x: Tensor) -> Tensor

  /// A copy for inference alone: weights cast to `dtype` and, where that is faster, packed, once. Later changes of this network
  /// do not reach it, and it cannot be saved.
  func prepared(for dtype: DType) throws -> Self
}

/// The recipe of an upscaler, which can make it.
public protocol UpscalerRecipe: RecognisableRecipe {
  /// Rows and columns of the result for each of the image.
  var scale: Int { get }
  /// Channels of the images, and of the result.
  var numInCh: Int { get }
  var numOutCh: Int { get }
  /// Heights and widths must be multiples of it.
  var sizeStep: Int { get }
  /// How many pixels away from a pixel of the image the result there still depends on.
  var reach: Int { get }
  /// What `inspect` shows: layers or blocks of layers, the channels between them, and the channels that each convolution of a dense
  /// block adds, where there are such.
  var size: (blocks: Int, features: Int, growth: Int?) { get }
  func makeUpscaler(using initializer: Initializer) throws -> any UpscalingNetwork
}

extension UpscalerRecipe {
  public func makeModule(using initializer: Initializer) throws -> any Module { try makeUpscaler(using: initializer) }

  /// What a network of this recipe reads; images may have any size, and `side` is an example.
  func inputs(side: Int) -> NetworkInputSpec {
    NetworkInputSpec(channels: numInCh, outputChannels: numOutCh, height: side, width: side, classRows: nil)
  }

  /// A tensor that says why images do not fit; nil when they do.
  func problem(with x: Tensor) -> Tensor? {
    if x.fault != nil { return x }
    if x.rank != 4 || x.size(1) != numInCh { return x.failed(Self.name, "expected images [N, \(numInCh), H, W], found \(x.shape)") }
    if x.size(2) % sizeStep != 0 || x.size(3) % sizeStep != 0 {
      return x.failed(
        Self.name, "at scale \(scale) height and width must be multiples of \(sizeStep), found \(x.size(2)) x \(x.size(3))")
    }
    return nil
  }
}
