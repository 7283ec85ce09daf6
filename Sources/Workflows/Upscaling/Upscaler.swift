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

/// Makes pictures larger by an upscaling network (Real-ESRGAN), tile by tile, so that memory does not grow with the picture.
///
/// The network sees each tile with a margin of `overlap` pixels, whose result is thrown away. Where the margin is as wide as the
/// network sees (`UpscalerRecipe.reach`), tiles give what the whole picture gives, but for the order of sums; the residuals of
/// these networks are scaled down so often that far less leaves no seams. Not Sendable: it belongs to the thread that computes.
public final class Upscaler {
  public struct Settings: Sendable, Equatable {
    /// Rows and columns of a tile without its margin; 0 takes the whole picture at once.
    public var tile = 256
    /// Pixels around a tile that the network sees too.
    public var overlap = 16
    public var device = Device.cpu
    public var precision = Precision.float32

    public init() {}
  }

  public let recipe: any UpscalerRecipe
  /// Rows and columns of the result for each of the picture.
  public var scale: Int { recipe.scale }
  /// The side of tiles; half of what it was whenever the device had no memory left. 0 for no tiles.
  public private(set) var tile: Int
  /// Pixels around a tile that the network sees: multiples of its blocks, and no more than reach the result.
  let margin: Int
  private let device: Device
  private let network: (Tensor) -> Tensor

  static let smallestTile = 16

  /// - Parameters:
  ///   - model: a `.pth` or `.safetensors` file of an upscaler under Real-ESRGAN's or ESRGAN's names; its shapes show the recipe.
  ///   - member: of a PyTorch file with several state dicts the one to take; nil for the one that is best, `params_ema`.
  /// - Throws: `SfumatoError` for settings that make no sense and for a file that is no upscaler; what reading it throws.
  public convenience init(_ model: String, member: String? = nil, settings: Settings = Settings()) throws {
    try Torch.start()
    try Self.check(settings)
    let device = try settings.device.validated()
    let (recipe, network) = try Self.network(in: model, member, on: device)
    let prepared = try network.prepared(for: settings.precision.dtype)
    try self.init(recipe, settings, on: device) { prepared($0) }
  }

  /// - Parameter network: from `[N, C, H, W]` in [0, 1] to `[N, C, scale H, scale W]`, as the recipe says.
  init(_ recipe: any UpscalerRecipe, _ settings: Settings, on device: Device = .cpu, network: @escaping (Tensor) -> Tensor) throws {
    try Self.check(settings)
    self.recipe = recipe
    self.device = device
    self.network = network
    tile = (settings.tile + PictureTile.grid - 1) / PictureTile.grid * PictureTile.grid
    let step = recipe.sizeStep
    margin = (min(settings.overlap, recipe.reach) + step - 1) / step * step
  }

  /// - Returns: the pictures, larger, with the channels that they have.
  /// - Throws: as `UpscalingRun`.
  public func upscale(_ images: [Image]) throws -> [Image] { try images.map { try run($0).finish() } }

  /// One picture, to be pulled tile by tile.
  /// - Throws: `SfumatoError` when the result would have more pixels than an image may.
  public func run(_ image: Image) throws -> UpscalingRun { try UpscalingRun(image, by: self) }

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
  /// What the network makes of a picture of its channels.
  /// - Parameter part: the rectangle of `picture` that is wanted larger.
  func enlarge(_ picture: Image, keeping part: PictureTile) throws -> Image {
    let (height, width, channels) = (picture.height, picture.width, picture.channels)
    let pixels = Tensor(picture.bytes, [1, height, width, channels]).to(device).to(.float32) / 255
    // A network of one channel is shown red, green and blue as three grey pictures.
    let x = pixels.permute(0, 3, 1, 2).reshape(-1, recipe.numInCh, height, width)
    let y = withoutGradient { network(x) }
    let whole = y.reshape(1, channels, height * scale, width * scale)
    let wanted = whole.narrow(2, part.rows.lowerBound * scale, part.rows.count * scale)
      .narrow(3, part.columns.lowerBound * scale, part.columns.count * scale)
    let bytes = try (wanted.clamp(0...1) * 255 + 0.5).permute(0, 2, 3, 1).uint8s()
    return Image(width: part.columns.count * scale, height: part.rows.count * scale, channels: channels, bytes: bytes)
  }

  /// Halves the tiles after `failed` was too large.
  /// - Throws: `fault`, when they are as small as they get.
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
      throw SfumatoError(.data, "\(path) is an upscaler of \(recipe.numInCh) channels; pictures have 1 or 3")
    }
    let network = try recipe.makeUpscaler(using: .shapes)
    do { try network.adopt(file.state.renamed(for: recipe), on: device) } catch let mismatch as StateMismatch {
      throw SfumatoError(mismatch, checkpoint: path, network: "network \(type(of: recipe).name)")
    }
    return (recipe, network)
  }
}
