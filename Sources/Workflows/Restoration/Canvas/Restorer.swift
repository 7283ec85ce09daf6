import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors
import Training

/// A diffusion model that restores pictures, prepared for inference on pictures of any size.
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
  public let recipe: SuperResolutionModelRecipe
  /// The side of tiles, overlap included; halved when memory runs out.
  public private(set) var tile: Int
  /// Pixels that neighbouring tiles share.
  public let overlap: Int
  /// Evaluations of the network for each pixel.
  public let evaluations: Int
  /// How many times larger than the degraded picture the result is: more than 1 for networks that enlarge, which are given
  /// the small picture.
  public let factor: Int

  let diffusion: GaussianDiffusion
  let replay: StepReplay
  let planes: PredictionPlanes
  let device: Device
  let blending: TileBlending
  /// The part of noise that reaches the result, τ.
  let detail: Double
  private let network: any DiffusionNetwork
  private let reach: Int?
  let step: Int
  /// Bytes of a network's pass over a batch of tiles.
  let activations: Int

  /// - Parameter model: a file, a run folder, or the name of a bundled model.
  /// - Throws: `SfumatoError` for invalid settings, for a model that does not restore pictures, and for one that cannot do so in tiles;
  ///   errors from reading it.
  public convenience init(_ model: String, settings: Settings) throws {
    try Torch.start()
    let device = try settings.device.validated()
    let file = try ModelFile(ModelLocator.file(of: model, expecting: .superResolution), expecting: .superResolution)
    let recipe = try SuperResolutionModelRecipe(yaml: file.recipe, file: file.place).adapted()
    try recipe.tryOut()
    let network = try recipe.makeNetwork(using: .shapes)
    try file.fill(network, recipe, on: device)
    try self.init(recipe, network.prepared(for: settings.precision.dtype), settings)
  }

  /// - Parameters:
  ///   - recipe: adapted.
  ///   - network: prepared for inference, on the settings' device.
  ///   - reach: of the network, if not that of the recipe's.
  init(
    _ recipe: SuperResolutionModelRecipe, _ network: any DiffusionNetwork, _ settings: Settings, reach: Int? = nil,
    blending: TileBlending = TileBlending()
  ) throws {
    try Self.check(settings)
    try Self.check(recipe)
    (self.recipe, self.network, self.settings, self.blending) = (recipe, network, settings, blending)
    diffusion = try recipe.process.makeDiffusion()
    detail = diffusion.startsFromTheMean ? settings.detail : 1
    replay = try Self.path(recipe, diffusion, evaluations: detail == 0 ? 1 : settings.evaluations)
    evaluations = replay.needs.map(\.levels.count).reduce(0, +)
    planes = PredictionPlanes(
      diffusion, epsilonIsOwn: diffusion.residual == nil && recipe.sampling.clip && !recipe.sampling.useClippedModelOutput)
    device = try settings.device.validated()
    let member = recipe.superResolution.member
    factor = recipe.data.height / recipe.smallHeight
    step = member.sizeStep.leastCommonMultiple(with: factor)
    self.reach = reach ?? member.reach
    (tile, overlap, activations) = try Self.layout(recipe, settings, step: step, reach: self.reach)
  }

  /// The names of the corruptions whose strengths a run is given, in their order; numbered where the model does not name them.
  public var strengthNames: [String] {
    guard recipe.corruptionNames.isEmpty else { return recipe.corruptionNames }
    return (0..<(recipe.superResolution.member.numCorruptions ?? 0)).map { "corruption_\($0 + 1)" }
  }

  /// Whether the first evaluation is the mean of all answers, from which `Settings.detail` leads to a sample: where a residual is diffused and
  /// sampling starts from noise without any signal.
  public var detailApplies: Bool { diffusion.startsFromTheMean }

  /// How tiles of a side lie on an axis.
  func geometry(side: Int) -> TileGeometry {
    let overlap = min(overlap, side / 2 / step * step)
    // With as much as the network reaches, and four pixels to blend, tiles are exact.
    let isExact = reach.map { 2 * $0 + 4 <= overlap } ?? false
    return TileGeometry(
      side: side, overlap: overlap, dead: isExact ? max(reach ?? 0, overlap / 4) : overlap / 4, step: step,
      padsItself: type(of: recipe.superResolution.member).padsItself)
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
}

// MARK: Computing

extension Restorer {
  /// The network's estimates for a batch of tiles, blended later.
  ///
  /// - Parameters:
  ///   - x: noisy pictures, or residuals, `[N, C, H, W]`.
  ///   - degraded: `[N, C, H / factor, W / factor]`, from 0 to 1.
  ///   - strengths: of the corruptions, in [0, 1].
  /// - Returns: `[N, planes.count C, H, W]` on the CPU.
  func evaluate(_ x: Tensor, _ degraded: Tensor, _ strengths: [Double], at level: NoiseLevel) -> Tensor {
    let images = x.size(0)
    var conditioning = Conditioning(lowRes: (2 * degraded.to(device) - 1).channelsLast())
    if !strengths.isEmpty {
      let row = Tensor(strengths.map { Float($0) }, [1, strengths.count])
      conditioning.corruptionStrengths = row.expand(images, strengths.count).contiguous().to(device)
    }
    let denoiser = diffusion.denoiser { [network, conditioning] x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
    // The range of images is not that of residuals.
    let adjusted = diffusion.residual == nil ? recipe.sampling.adjusted(denoiser) : AnyDenoiser(denoiser)
    return withoutGradient { planes.stacked(adjusted.predict(x.to(device).channelsLast(), at: level)).to(.cpu) }
  }

  /// The picture, from 0 to 1, for a diffused tensor.
  /// - Parameter degraded: at the size of the result, from 0 to 1.
  func picture(_ x: Tensor, from degraded: Tensor) -> Tensor {
    let decoded = diffusion.residual?.decode(x, from: 2 * degraded - 1) ?? x.clamp(-1...1)
    return (decoded + 1) / 2
  }
}

extension GaussianDiffusion {
  /// Whether the estimate at the last level is the mean of all answers: no signal is left there, and the network predicts the residual.
  fileprivate var startsFromTheMean: Bool { residual != nil && process.level(process.steps - 1).alpha == 0 }
}
