import Checkpoints
import Failures
import Foundation
import Imaging
import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Training

/// Enlarges pictures with an upscaling network (Real-ESRGAN), tile by tile, so that memory does not grow with the picture.
///
/// The network gets each tile with a margin of `overlap` pixels, whose result is discarded. With a margin of the network's
/// receptive field (`UpscalerRecipe.reach`), tiles give the same result as the whole picture up to the order of sums; the
/// residuals of these networks are scaled down so often that a much smaller margin leaves no seams. Not Sendable: it belongs to
/// the thread that computes.
public final class Upscaler {
  public struct Settings: Sendable, Equatable {
    /// Rows and columns of a tile without its margin; 0 for the whole picture at once.
    public var tile = 256
    /// Width of the margin around a tile, in pixels.
    public var overlap = 16
    public var device = Device.cpu
    public var precision = Precision.float32

    public init() {}
  }

  public let recipe: any UpscalerRecipe
  /// The factor by which width and height grow.
  public var scale: Int { recipe.scale }
  /// The side of tiles, halved whenever the device runs out of memory; 0 for no tiles.
  public private(set) var tile: Int
  /// Width of the margin around a tile: a multiple of the network's block size, at most its receptive field rounded up.
  let margin: Int
  private let device: Device
  private let network: (Tensor) -> Tensor

  static let smallestTile = 16

  /// - Parameters:
  ///   - model: a `.pth` or `.safetensors` file of an upscaler with Real-ESRGAN's or ESRGAN's names; its recipe is recognised from
  ///     its shapes.
  ///   - member: which state dict to use of a PyTorch file with several; nil for the best one, `params_ema`.
  /// - Throws: `SfumatoError` for invalid settings and for a file that is not an upscaler; errors from reading it.
  public convenience init(_ model: String, member: String? = nil, settings: Settings = Settings()) throws {
    try Torch.start()
    try Self.check(settings)
    let device = try settings.device.validated()
    let (recipe, network) = try Self.network(in: model, member, on: device)
    let prepared = try network.prepared(for: settings.precision.dtype)
    try self.init(recipe, settings, on: device) { prepared($0) }
  }

  /// - Parameter network: maps `[N, C, H, W]` in [0, 1] to `[N, C, scale H, scale W]`, as the recipe describes.
  init(_ recipe: any UpscalerRecipe, _ settings: Settings, on device: Device = .cpu, network: @escaping (Tensor) -> Tensor) throws {
    try Self.check(settings)
    self.recipe = recipe
    self.device = device
    self.network = network
    tile = (settings.tile + PictureTile.grid - 1) / PictureTile.grid * PictureTile.grid
    let step = recipe.sizeStep
    margin = (min(settings.overlap, recipe.reach) + step - 1) / step * step
  }

  /// - Returns: the enlarged pictures, with the same channels.
  /// - Throws: as `UpscalingRun`.
  public func upscale<Picture: UpscalingPicture>(_ images: [Picture]) throws -> [Picture] { try images.map { try run($0).finish() } }

  /// A run over one picture, advanced tile by tile.
  /// - Throws: `SfumatoError` when the result would exceed the pixel limit of an image.
  public func run<Picture: UpscalingPicture>(_ image: Picture) throws -> UpscalingRun<Picture> { try UpscalingRun(image, by: self) }

  private static func check(_ settings: Settings) throws {
    guard settings.tile == 0 || (smallestTile...Image.pixelLimit).contains(settings.tile) else {
      throw SfumatoError(.usage, "the tile must be \(smallestTile) pixels or more, or 0 for none, not \(settings.tile)")
    }
    guard (0...Image.pixelLimit).contains(settings.overlap) else {
      throw SfumatoError(.usage, "the overlap must be 0 pixels or more, not \(settings.overlap)")
    }
  }
}

// MARK: Computing

extension Upscaler {
  /// Enlarges a picture in the network's channels.
  /// - Parameter part: the rectangle of `picture` to return.
  func enlarge<Picture: UpscalingPicture>(_ picture: Picture, keeping part: PictureTile) throws -> Picture {
    let (height, width, channels) = (picture.height, picture.width, picture.channels)
    // A single-channel network gets red, green and blue as three grey pictures.
    let x = picture.unitTensor(on: device).permute(0, 3, 1, 2).reshape(-1, recipe.numInCh, height, width)
    let y = withoutGradient { network(x) }
    let whole = y.reshape(1, channels, height * scale, width * scale)
    let wanted = whole.narrow(2, part.rows.lowerBound * scale, part.rows.count * scale)
      .narrow(3, part.columns.lowerBound * scale, part.columns.count * scale)
    return Picture(
      width: part.columns.count * scale, height: part.rows.count * scale, channels: channels,
      samples: try Picture.samples(ofUnit: wanted.permute(0, 2, 3, 1)))
  }

  /// Halves the tile size after `failed` was too large.
  /// - Throws: `fault` when tiles have reached the smallest size.
  func shrink(after failed: PictureTile, _ fault: TorchFault) throws {
    let half = max(failed.rows.count, failed.columns.count) / 2
    guard half >= Self.smallestTile else { throw fault }
    tile = (half + PictureTile.grid - 1) / PictureTile.grid * PictureTile.grid
  }
}

// MARK: Reading

extension Upscaler {
  private static func network(
    in model: String, _ member: String?, on device: Device
  ) throws -> (any UpscalerRecipe, any UpscalingNetwork) {
    let path = try ModelLocator.file(of: model, expecting: .upscaler)
    let file = try CheckpointFile(path, member: member)
    if let yaml = file.recipe {
      let kind = try ModelKind(ofRecipe: yaml, file: "the recipe in \(path)")
      guard kind == .upscaler else { throw SfumatoError(.data, "\(path) is \(kind.phrase); expected an upscaler") }
    }
    let recipe = try UpscalerCheckpoint.recipe(of: file)
    guard recipe.numInCh == recipe.numOutCh, [1, 3].contains(recipe.numInCh) else {
      throw SfumatoError(.data, "\(path) is an upscaler of \(recipe.numInCh) channels; expected 1 or 3")
    }
    let network = try recipe.makeUpscaler(using: .shapes)
    do { try network.adopt(file.state.renamed(for: recipe), on: device) } catch let mismatch as StateMismatch {
      throw SfumatoError(mismatch, checkpoint: path, network: "network \(type(of: recipe).name)")
    }
    return (recipe, network)
  }
}
