import Diffusion
import Failures
import Imaging
import Models
import Tensors

/// A model as a map between pictures and latents, both ways along the probability-flow ODE: DDIM's inversion and DDIM, without noise and
/// without clipping, which could not be undone.
final class LatentCodec {
  let plan: SamplingPlan
  /// The levels that decoding visits; the latents are images at the first of them.
  let levels: [NoiseLevel]
  private let settings: EditingSettings

  /// - Parameters:
  ///   - model: as `SamplingRequest.model`.
  ///   - loaded: the same model, where it is in memory already.
  ///   - count: of pictures.
  ///   - classes: by name or number, which the pictures take in turn; empty for none.
  ///   - guidance: the scale of classifier-free guidance, 1 for none.
  /// - Throws: `SfumatoError` for a request that the model cannot meet; errors from reading the model.
  init(
    _ model: String, loaded: Model? = nil, count: Int, classes: [String], guidance: Double = 1, settings: EditingSettings
  ) throws {
    try settings.check()
    var request = SamplingRequest(model: model)
    (request.count, request.batchSize) = (count, settings.batchSize)
    (request.device, request.precision) = (settings.device, settings.precision)
    request.classes = classes.isEmpty ? .none : .only(classes)
    (request.sampler, request.steps, request.spacing, request.guidanceScale) = (DDIM(), settings.steps, .trailing, guidance)
    request.settings = ["sampling.clip=false", "sampling.dynamic_thresholding_ratio=null"]
    let model = try loaded ?? Model(sampling: request)
    guard model.recipe.data.contextSize == nil else {
      throw SfumatoError(
        .usage,
        "\(request.model) needs a context vector for every image, which editing does not give; expected a model of classes or without conditioning"
      )
    }
    plan = try SamplingPlan(request, model: model)
    self.settings = settings
    levels = plan.start.path
  }

  private init(_ other: LatentCodec, _ levels: [NoiseLevel]) {
    (plan, settings, self.levels) = (other.plan, other.settings, levels)
  }

  /// The codec of the levels from a share of the noise on.
  /// - Parameter strength: above 0, to 1 for all levels.
  /// - Throws: `SamplingPathError`.
  func upTo(strength: Double) throws -> LatentCodec { LatentCodec(self, try levels.starting(strength: strength)) }

  /// The codec of the levels from another's first one on, as noisy as that: for latents that another model made with `strength`.
  func starting(as noisy: NoiseLevel) -> LatentCodec {
    guard let first = levels.first, first.isNoisier(than: noisy) else { return self }
    let cleaner = levels.filter { noisy.isNoisier(than: $0) }
    // Exactly the process's own level where there is one: two models of one process so agree to the bit.
    if let own = levels.first(where: { $0.alpha == noisy.alpha && $0.sigma == noisy.sigma }) { return LatentCodec(self, [own] + cleaner) }
    return LatentCodec(self, [plan.denoiser.diffusion.process.noiseLevelRange.level(lambda: noisy.lambda)] + cleaner)
  }

  var model: Model { plan.model }

  /// A picture as the model's images are: cropped to their aspect ratio and resized, `[1, C, H, W]`.
  /// - Throws: `ImagingError`.
  func fitted(_ file: String) throws -> Tensor { try SamplingStart.picture(file, model.recipe.data).to(settings.device) }

  func denoiser(_ range: Range<Int>) -> AnyDenoiser { plan.denoiser.guided(range) }

  /// - Parameters:
  ///   - images: `[N, C, H, W]`.
  ///   - range: their numbers among all pictures.
  func encoding(_ images: Tensor, _ range: Range<Int>) -> InversionRun {
    InversionRun(
      denoiser: denoiser(range), levels: levels.filter { $0.sigma > 0 }.reversed(), image: images, corrections: settings.corrections)
  }

  /// - Parameter denoiser: in place of that of the range.
  func decoding(_ latents: Tensor, _ range: Range<Int>, by denoiser: AnyDenoiser? = nil) -> SamplingRun {
    SamplingRun(
      DDIM(), denoiser: denoiser ?? self.denoiser(range), levels: levels, start: latents, noise: PerImageNoise(seed: Seed(0), images: range)
    )
  }

  /// - Throws: `SfumatoError` for images or latents that are not finite.
  static func checked(_ x: Tensor) throws -> Tensor {
    guard try x.isFinite().all().item() == 1 else {
      throw SfumatoError(.data, "the model's output is not finite: its file is damaged or its training diverged")
    }
    return x
  }
}
