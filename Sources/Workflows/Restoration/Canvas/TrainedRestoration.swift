import Diffusion
import Failures
import Models
import NN
import Networks
import Tensors

/// Restoration by a network that was trained to: it is given the degraded picture and the strengths of its corruptions.
struct TrainedRestoration: RestorationMethod {
  let trained: SuperResolutionModelRecipe
  let diffusion: GaussianDiffusion
  let factor: Int
  let tiles: TileDemands
  private let network: any DiffusionNetwork
  private let device: Device

  var recipe: any DiffusionModelRecipe { trained }
  var strengthScales: StrengthScales { trained.strengthScales }
  var epsilonIsOwn: Bool { diffusion.residual == nil && trained.sampling.clip && !trained.sampling.useClippedModelOutput }

  /// - Parameters:
  ///   - recipe: adapted.
  ///   - network: prepared for inference, on the device.
  ///   - reach: of the network, if not that of the recipe's.
  /// - Throws: `SfumatoError` for a model that does not restore from the degraded picture alone.
  init(_ recipe: SuperResolutionModelRecipe, _ network: any DiffusionNetwork, on device: Device, reach: Int? = nil) throws {
    try Self.check(recipe)
    (trained, self.network, self.device) = (recipe, network, device)
    diffusion = try recipe.process.makeDiffusion()
    factor = recipe.data.height / recipe.smallHeight
    let member = recipe.superResolution.member
    tiles = TileDemands(
      step: member.sizeStep.leastCommonMultiple(with: factor), padsItself: type(of: member).padsItself, reach: reach ?? member.reach,
      trainedSide: max(recipe.data.height, recipe.data.width))
  }

  /// - Parameter model: a file, a run folder, or the name of a bundled model.
  /// - Throws: as above, and errors from reading it.
  init(_ model: String, on device: Device, dtype: DType) throws {
    let file = try ModelFile(ModelLocator.file(of: model, expecting: .superResolution), expecting: .superResolution)
    let recipe = try SuperResolutionModelRecipe(yaml: file.recipe, file: file.place).adapted()
    try recipe.tryOut()
    let network = try recipe.makeNetwork(using: .shapes)
    try file.fill(network, recipe, on: device)
    try self.init(recipe, network.prepared(for: dtype), on: device)
  }

  private static func check(_ recipe: SuperResolutionModelRecipe) throws {
    guard recipe.data.classNames.isEmpty, recipe.data.contextSize == nil else {
      throw SfumatoError(
        .data, "the model needs classes or context vectors; expected a model that restores from the degraded picture alone")
    }
    guard recipe.data.height % recipe.smallHeight == 0, recipe.data.width * recipe.smallHeight == recipe.data.height * recipe.smallWidth
    else {
      throw SfumatoError(
        .data,
        "the model makes \(recipe.data.height) x \(recipe.data.width) of \(recipe.smallHeight) x \(recipe.smallWidth) pixels; "
          + "expected a whole factor")
    }
  }

  /// Numbered where the model does not name them.
  var strengthNames: [String] {
    guard trained.corruptionNames.isEmpty else { return trained.corruptionNames }
    return (0..<(trained.superResolution.member.numCorruptions ?? 0)).map { "corruption_\($0 + 1)" }
  }

  func shapedPass(tiles: Int, side: Int) -> (conditioning: Conditioning, imagesPerTile: Int) {
    let small = Tensor.empty([tiles, trained.data.channels, side / factor, side / factor], on: .meta)
    return (Conditioning(lowRes: small), 1)
  }

  func predict(_ x: Tensor, _ input: RestorationInput, at level: NoiseLevel) -> Prediction {
    var conditioning = Conditioning(lowRes: (2 * input.degraded.to(device) - 1).channelsLast())
    if !input.strengths.isEmpty {
      let row = Tensor(input.strengths.map { Float($0) }, [1, input.strengths.count])
      conditioning.corruptionStrengths = row.expand(x.size(0), input.strengths.count).contiguous().to(device)
    }
    let denoiser = diffusion.denoiser { [network, conditioning] x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
    // The range of images is not that of residuals.
    return (diffusion.residual == nil ? trained.sampling.adjusted(denoiser) : AnyDenoiser(denoiser)).predict(x, at: level)
  }

  /// Corruptions after which colours are to change.
  private static let coloring: Set<String> = ["saturation", "grey", "color_jitter", "color_quantization"]

  func finish(strengths: [Double], color: Bool) -> any RowFinish {
    let changesColor = zip(strengthNames, strengths).contains { Self.coloring.contains($0) && $1 > 0 }
    return ColourCorrection(residual: diffusion.residual, isOn: color && !changesColor)
  }

  func unexplained(_ result: MappedPicture, input: MappedPicture, known: MappedPicture?) throws -> Double? {
    try InputConsistency(result, input: input).unexplained()
  }
}
