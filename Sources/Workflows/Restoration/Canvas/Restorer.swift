import Diffusion
import Failures
import Models
import Networks
import Tensors
import Training

/// A diffusion model that restores pictures, prepared for inference on pictures of any size: one that was trained to, or, as a prior, one that was
/// trained to sample.
///
/// A picture is computed in overlapping tiles whose estimates x̂₀ are blended at every evaluation of the network, so that all tiles always
/// see one and the same noisy picture (`RestorationRun`). Not Sendable: it belongs to the thread that computes.
public final class Restorer {
  public struct Settings: Sendable, Equatable {
    /// Evaluations of the network for each pixel at most; nil for what the model's own sampling takes. One evaluation from pure noise gives
    /// the mean of all pictures that the degraded one may have come from.
    public var evaluations: Int?
    /// τ, 0 to 1: the result is mean + τ (sample − mean), of the first evaluation and of all. 0 needs one evaluation only. Only models of
    /// which `detailApplies` have the mean; others give the sample.
    public var detail = 0.5
    public var seed: Seed
    /// Rows and columns of a tile with its overlap; nil for 256, or the model's own size where it depends on that, or less where memory is
    /// short.
    public var tile: Int?
    /// Pixels that neighbouring tiles share; nil for an eighth of the tile, or a quarter where the network looks at whole tiles, or as much
    /// as makes tiles exact where that is little.
    public var overlap: Int?
    public var device = Device.cpu
    public var precision = Precision.float32
    /// Whether low frequencies are held at those of the degraded picture.
    public var color = true

    public init(seed: Seed = Seed(0)) { self.seed = seed }
  }

  public let settings: Settings
  /// The side of tiles, overlap included; halved when memory runs out.
  public private(set) var tile: Int
  /// Pixels that neighbouring tiles share.
  public let overlap: Int
  /// Evaluations of the network for each pixel.
  public let evaluations: Int

  let method: any RestorationMethod
  let replay: StepReplay
  let planes: PredictionPlanes
  let device: Device
  let blending: TileBlending
  /// The part of noise that reaches the result, τ.
  let detail: Double
  /// Bytes of a network's pass over a batch of tiles.
  let activations: Int

  /// - Parameter model: a restoration model: a file, a run folder, or the name of a bundled model.
  /// - Throws: `SfumatoError` for invalid settings, for a model that does not restore pictures, and for one that cannot do so in tiles;
  ///   errors from reading it.
  public convenience init(_ model: String, settings: Settings) throws {
    try Torch.start()
    try self.init(TrainedRestoration(model, on: settings.device.validated(), dtype: settings.precision.dtype), settings)
  }

  /// - Parameters:
  ///   - model: a model that samples: a file, a run folder, a diffusers folder, or the name of a bundled model.
  ///   - scale: how many times larger pictures become; the model enlarges by the next whole number.
  /// - Throws: `SfumatoError` for an invalid request or settings, and for a model that cannot be a prior; errors from reading it.
  public convenience init(prior model: String, _ request: PriorRequest, scale: Double = 1, settings: Settings) throws {
    try Torch.start()
    let model = try Model(model, on: settings.device.validated())
    try self.init(PriorRestoration(model, request, scale: scale, settings), settings)
  }

  init(_ method: any RestorationMethod, _ settings: Settings, blending: TileBlending = TileBlending()) throws {
    try Self.check(settings)
    guard method.recipe.sampling.dynamicThresholdingRatio == nil else {
      throw SfumatoError(
        .data,
        "the model samples with dynamic_thresholding_ratio, which depends on the whole picture and cannot be computed in tiles; "
          + "expected sampling.clip instead")
    }
    (self.method, self.settings, self.blending) = (method, settings, blending)
    device = try settings.device.validated()
    detail = method.diffusion.startsFromTheMean ? settings.detail : 1
    replay = try Self.path(method, evaluations: detail == 0 ? 1 : settings.evaluations)
    evaluations = replay.needs.map(\.levels.count).reduce(0, +)
    planes = PredictionPlanes(method.diffusion, epsilonIsOwn: method.epsilonIsOwn)
    (tile, overlap, activations) = try Self.layout(method, settings)
  }

  /// What the model's images are.
  public var data: DataSpec { method.recipe.data }
  /// The name of the network, as recipes have it.
  public var networkType: String { method.recipe.networkType }

  /// How many times larger the degraded picture becomes in one pass: more than 1 for networks that enlarge, which are given the small
  /// picture, and for priors.
  public var factor: Int { method.factor }

  /// The names of the corruptions whose strengths a run is given, in their order; numbered where the model does not name them.
  public var strengthNames: [String] { method.strengthNames }

  /// Whether the first evaluation is the mean of all answers, from which `Settings.detail` leads to a sample: where a residual is diffused and
  /// sampling starts from noise without any signal.
  public var detailApplies: Bool { method.diffusion.startsFromTheMean }

  var step: Int { method.tiles.step }

  /// How tiles of a side lie on an axis.
  func geometry(side: Int) -> TileGeometry {
    let demands = method.tiles, reach = demands.reach, overlap = min(overlap, side / 2 / step * step)
    // With as much as the network reaches, and four pixels to blend, tiles are exact.
    let isExact = reach.map { 2 * $0 + 4 <= overlap } ?? false
    return TileGeometry(
      side: side, overlap: overlap, dead: isExact ? max(reach ?? 0, overlap / 4) : overlap / 4, step: step,
      padsItself: demands.padsItself, least: demands.fillsTrainedSide ? side : nil, alignment: demands.alignment)
  }

  /// Halves the tiles after those of a side were too large.
  /// - Returns: the new side.
  /// - Throws: `fault` when tiles have reached the smallest size.
  func halved(_ side: Int, after fault: TorchFault) throws -> Int {
    let half = max((side / 2).rounded(upTo: step), Self.smallestTile.rounded(upTo: step))
    guard half < side else { throw fault }
    tile = min(tile, half)
    return half
  }

  static let smallestTile = 64

  /// The network's estimates for a batch of tiles, blended later.
  ///
  /// - Parameter x: noisy pictures, or residuals, `[N, C, H, W]`.
  /// - Returns: `[N, planes.count C, H, W]` on the CPU.
  func evaluate(_ x: Tensor, _ input: RestorationInput, at level: NoiseLevel) -> Tensor {
    withoutGradient { planes.stacked(method.predict(x.to(device).channelsLast(), input, at: level)).to(.cpu) }
  }
}

extension GaussianDiffusion {
  /// Whether the estimate at the last level is the mean of all answers: no signal is left there, and the network predicts the residual.
  fileprivate var startsFromTheMean: Bool { residual != nil && process.level(process.steps - 1).alpha == 0 }
}
