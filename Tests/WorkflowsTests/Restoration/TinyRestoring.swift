import Diffusion
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Testing
import Training

@testable import Workflows

/// Tiny restoring models, and pictures for them.
enum TinyRestoring {
  static let yaml = """
    data: { channels: 3, height: 64, width: 64 }
    small_height: 64
    small_width: 64
    corruption_names: [jpeg, noise]
    super_resolution: { type: restoration_unet, model_channels: 8, channel_mult: [1], patch_size: 1 }
    process:
      { schedule: { type: cosine, steps: 100 }, rescale_betas_zero_snr: true, parameterization: v_scaled_input, residual_scale: 0.1 }
    sampling: { steps: 3 }

    """

  /// Pictures are diffused themselves, and the network predicts noise, as in DL-Art-School.
  static let plain = [
    "process.schedule={ type: linear, steps: 100 }", "process.rescale_betas_zero_snr=false", "process.residual_scale=null",
    "process.parameterization=epsilon", "sampling.clip_sample_range=2",
  ]

  static func recipe(_ set: [String] = []) throws -> SuperResolutionModelRecipe {
    try SuperResolutionModelRecipe(yaml: yaml, set: set).adapted()
  }

  /// Random weights, those that start from zero too.
  static func network(_ recipe: SuperResolutionModelRecipe) throws -> any DiffusionNetwork {
    let network = try recipe.makeNetwork(using: Initializer(Generator(seed: 1)))
    try unzero(network)
    return network
  }

  private static func unzero(_ network: any DiffusionNetwork) throws {
    func opened(_ network: some DiffusionNetwork) throws { try Tiny.unzero(network) }
    try opened(network)
  }

  static func restorer(
    _ set: [String] = [], blending: TileBlending = TileBlending(), _ change: (inout Restorer.Settings) -> Void = { _ in }
  ) throws -> Restorer {
    var settings = Restorer.Settings(seed: Seed(5))
    (settings.tile, settings.overlap, settings.detail, settings.color) = (32, 16, 1, false)
    change(&settings)
    let recipe = try recipe(set)
    return try Restorer(TrainedRestoration(recipe, network(recipe).prepared(for: .float32), on: .cpu), settings, blending: blending)
  }

  /// A network of the test's own in the place of the recipe's.
  static func restorer(
    _ network: TestNetwork, _ set: [String], blending: TileBlending = TileBlending(), _ change: (inout Restorer.Settings) -> Void = { _ in }
  ) throws -> Restorer {
    var settings = Restorer.Settings(seed: Seed(5))
    (settings.tile, settings.overlap, settings.detail, settings.color) = (32, 16, 1, false)
    change(&settings)
    return try Restorer(TrainedRestoration(recipe(set), network, on: .cpu, reach: network.reach), settings, blending: blending)
  }

  /// Smooth colours with some grain, from 0 to 1.
  static func picture(_ height: Int, _ width: Int, grain: Double = 0.05, seed: UInt64 = 7) -> Tensor {
    let y = Tensor.arange(0, Double(height)).reshape(1, 1, height, 1), x = Tensor.arange(0, Double(width)).reshape(1, 1, 1, width)
    let planes = [0.11, 0.07, 0.05].map { rate in 0.5 + 0.3 * (rate * y).sin() * (0.8 * rate * x).cos() }
    return Tensor.cat(planes, dim: 1) + grain * Tensor.randn([1, 3, height, width], using: Generator(seed: seed))
  }

  static let strengths = [0.3, 0.6]
}

/// A network given as a function of the noisy and the degraded picture.
final class TestNetwork: DiffusionNetwork {
  let reach: Int
  private let body: (_ x: Tensor, _ degraded: Tensor, _ timesteps: Tensor) -> Tensor

  init(reach: Int, _ body: @escaping (_ x: Tensor, _ degraded: Tensor, _ timesteps: Tensor) -> Tensor) {
    (self.reach, self.body) = (reach, body)
  }

  func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    body(x, conditioning.lowRes ?? x, timesteps)
  }

  func prepared(for dtype: DType) throws -> TestNetwork { self }
}

/// Runs over one picture in a folder of their own.
struct RestorationBench {
  let folder: ScratchFolder
  let degraded: MappedPicture
  let height: Int, width: Int

  /// - Parameter picture: `[1, C, H, W]`, the degraded one, from 0 to 1.
  init(_ picture: Tensor, factor: Int = 1) throws {
    folder = try ScratchFolder()
    (height, width) = (picture.size(2) * factor, picture.size(3) * factor)
    degraded = try MappedPicture(
      at: "\(folder.path)/degraded", width: picture.size(3), height: picture.size(2), channels: picture.size(1), samples: .float32)
    try degraded.write(picture, row: 0)
  }

  func result(keeping: Bool = false) throws -> MappedPicture {
    try MappedPicture(
      at: "\(folder.path)/result", width: width, height: height, channels: degraded.channels, samples: .float32, keeping: keeping)
  }

  func run(
    _ restorer: Restorer, into result: MappedPicture, strengths: [Double] = TinyRestoring.strengths, identity: String = "test"
  ) throws -> RestorationRun {
    try RestorationRun(
      degraded, strengths: restorer.strengthNames.isEmpty ? [] : strengths, by: restorer, into: result, scratch: folder.path,
      identity: identity)
  }

  /// The whole run: `[1, C, H, W]`.
  func restore(_ restorer: Restorer) throws -> Tensor {
    let result = try result(), run = try run(restorer, into: result)
    while try run.next() != nil {}
    run.removeScratch()
    return try read(result)
  }

  func read(_ result: MappedPicture) throws -> Tensor {
    try result.read(rows: 0..<height, columns: 0..<width).validated()
  }

  /// The same by `SamplingRun`, the whole picture at once.
  func whole(_ restorer: Restorer, _ network: any DiffusionNetwork) throws -> Tensor {
    let recipe = restorer.recipe, picture = degraded.read(rows: 0..<degraded.height, columns: 0..<degraded.width)
    var conditioning = Conditioning(lowRes: 2 * picture - 1)
    if !restorer.strengthNames.isEmpty { conditioning.corruptionStrengths = Tensor(TinyRestoring.strengths.map { Float($0) }, [1, 2]) }
    let diffusion = restorer.method.diffusion
    let denoiser = diffusion.denoiser { [conditioning] x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
    let adjusted = diffusion.residual == nil ? recipe.sampling.adjusted(denoiser) : AnyDenoiser(denoiser)
    let noise = PositionalNoise(seed: Seed(5), rows: 0..<height, columns: 0..<width)
    let run = SamplingRun(
      recipe.sampler.member, denoiser: adjusted, levels: restorer.replay.levels, shape: [1, 3, height, width], noise: noise,
      window: recipe.sampling.window)
    return restorer.method.finish(strengths: [], color: false).picture(try run.finish(), picture)
  }
}

/// The largest difference, in levels of 255.
func levels(_ a: Tensor, _ b: Tensor) throws -> Double { try 255 * (a - b).abs().max().item() }

extension Restorer {
  /// That of a trained one.
  var recipe: SuperResolutionModelRecipe { (method as! TrainedRestoration).trained }
}
