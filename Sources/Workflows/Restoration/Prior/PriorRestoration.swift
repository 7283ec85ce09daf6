import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors

/// Restoration by a model that was never trained to (`NullSpaceProjection`): what is known of the picture is put into every blended estimate.
struct PriorRestoration: RestorationMethod {
  let prior: ModelRecipe
  let diffusion: GaussianDiffusion
  let projection: NullSpaceProjection
  let tiles: TileDemands
  let strengthNames: [String] = []
  let strengthScales = StrengthScales()
  /// The noise follows from the projected estimate.
  let epsilonIsOwn = false
  private let denoiser: SamplingDenoiser

  var recipe: any DiffusionModelRecipe { prior }
  var factor: Int { projection.degradation.factor }

  /// - Parameter model: on the device of the settings.
  /// - Throws: `SfumatoError` for a class that the model does not have, and for a model whose estimates cannot be projected.
  init(_ model: Model, _ request: PriorRequest, scale: Double, _ settings: Restorer.Settings) throws {
    try self.init(
      model.recipe, model.network.prepared(for: settings.precision.dtype), request, scale: scale, on: settings.device.validated())
  }

  /// - Parameter network: prepared for inference, on the device.
  init(_ recipe: ModelRecipe, _ network: any DiffusionNetwork, _ request: PriorRequest, scale: Double, on device: Device) throws {
    try request.check(scale: scale)
    diffusion = try recipe.process.makeDiffusion()
    try Self.check(recipe, diffusion, request)
    var sampling = SamplingRequest(model: "")
    // As many as are ever in a batch of tiles.
    sampling.count = 1 << 16
    sampling.classes = request.className.map { .only([$0]) } ?? .none
    sampling.typedSettings = request.settings
    var prior = recipe
    let settings = try SamplingPlan.settle(sampling, recipe, diffusion.process).0
    (prior.sampler, prior.sampling) = (settings.sampler, settings.sampling)
    self.prior = prior
    let conditions = try SamplingConditions(sampling, recipe.data, on: device)
    try conditions.check(guidance: prior.sampling.guidanceScale, of: sampling)
    denoiser = SamplingDenoiser(
      network: network, recipe: prior, diffusion: diffusion, sampling: prior.sampling, conditions: conditions)
    let degradation = LinearDegradation(factor: Int(scale.rounded(.up)), isGrey: request.colorize)
    // Pictures lie in [−1, 1].
    projection = NullSpaceProjection(degradation, noise: 2 * request.noise / 255)
    tiles = TileDemands(
      step: degradation.factor, padsItself: false, reach: nil, trainedSide: max(recipe.data.height, recipe.data.width),
      fillsTrainedSide: true, alignment: degradation.factor)
  }

  private static func check(_ recipe: ModelRecipe, _ diffusion: GaussianDiffusion, _ request: PriorRequest) throws {
    guard recipe.process.parameterization != .previousX, diffusion.residual == nil else {
      throw SfumatoError(
        .data,
        "the model predicts the step before (previous_x) or residuals, into which nothing known can be put; expected one that estimates pictures"
      )
    }
    guard recipe.data.channels == 3 || !request.colorize else {
      throw SfumatoError(.usage, "the model makes pictures of \(recipe.data.channels) channels; giving colours needs one of 3")
    }
    guard request.className != nil || !recipe.data.isConditional || recipe.data.knowsNull else {
      throw SfumatoError(
        .usage,
        recipe.data.contextSize == nil
          ? "the model needs a class for every picture; name one of \(recipe.data.classNames.prefix(40).joined(separator: ", "))"
          : "the model needs a context vector for every picture; expected a model without, or one that was also trained without")
    }
  }

  func shapedPass(tiles: Int, side: Int) -> (conditioning: Conditioning, imagesPerTile: Int) {
    let isGuided = denoiser.conditions.isConditional && prior.sampling.guidanceScale != 1, images = tiles * (isGuided ? 2 : 1)
    var conditioning = Conditioning()
    if !prior.data.classNames.isEmpty { conditioning.labels = .empty([images], dtype: .int64, on: .meta) }
    if let size = prior.data.contextSize { conditioning.context = .empty([images, size], on: .meta) }
    return (conditioning, isGuided ? 2 : 1)
  }

  func predict(_ x: Tensor, _ input: RestorationInput, at level: NoiseLevel) -> Prediction {
    let shown = projection.noise > 0 ? projection.shown(x, observation(input).to(like: x), at: level) : x
    return denoiser.guided(0..<x.size(0)).predict(shown, at: level)
  }

  func constrained(_ x0: Tensor, by input: @autoclosure () -> RestorationInput, towards next: NoiseLevel, isLast: Bool) -> Tensor? {
    // The result is finished by `ConsistentRows`, which leaves no blocks.
    guard !isLast, projection.holds(at: next) else { return nil }
    return projection.projected(x0, onto: observation(input()))
  }

  func stepped(_ transition: Transition, by input: @autoclosure () -> RestorationInput, from t: NoiseLevel, to s: NoiseLevel) -> Tensor {
    guard projection.noise > 0 else { return transition.x }
    return projection.handedOver(transition.x, x0: transition.x0, observation(input()), from: t, to: s)
  }

  private func observation(_ input: RestorationInput) -> NullSpaceProjection.Observation {
    NullSpaceProjection.Observation(y: projection.degradation.observed(2 * input.degraded - 1), known: input.known)
  }

  func finish(strengths: [Double], color: Bool) -> any RowFinish {
    ConsistentRows(degradation: projection.degradation, isExact: projection.noise == 0, channels: prior.data.channels)
  }

  func unexplained(_ result: MappedPicture, input: MappedPicture, known: MappedPicture?) throws -> Double? {
    guard result.width == factor * input.width, result.height == factor * input.height else { return nil }
    let degradation = projection.degradation
    var sum = 0.0, count = 0.0
    for band in input.bands(of: max(1, Restorer.bandPixels / result.width)) {
      let rows = (factor * band.lowerBound)..<(factor * band.upperBound)
      let found = degradation.degraded(result.read(rows: rows, columns: 0..<result.width))
      var difference = degradation.observed(input.read(rows: band, columns: 0..<input.width)) - found
      let known = known?.read(rows: band, columns: 0..<input.width)
      if let known { difference = difference * known }
      sum += try difference.to(.float64).square().sum().item()
      count +=
        try known.map { try Double(difference.size(1)) * $0.to(.float64).sum().item() }
        ?? Double(difference.size(1) * band.count * input.width)
      result.release(rows: rows)
    }
    return 255 * (sum / max(count, 1)).squareRoot()
  }
}
