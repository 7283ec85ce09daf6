import Diffusion
import NN
import Networks
import RecipeKit
import Tensors

/// The recipe in the model file of a diffusion model that restores or enlarges pictures.
public struct SuperResolutionModelRecipe: DiffusionModelRecipe {
  public static let kind = ModelKind.superResolution

  /// The images that it makes.
  public var data = DataSpec()
  /// Height and width of the degraded images.
  public var smallHeight = 16, smallWidth = 16
  /// The names by `CorruptionsRecipe` of the corruptions whose strengths the network takes, in their order; empty where it takes none or
  /// they are not named.
  public var corruptionNames: [String] = []
  /// What some of these strengths mean; models of version 0.1.0 that do not say it have the initial values.
  public var strengthScales = StrengthScales()
  public var superResolution = Choice<RestoringNetworkRegistry>(SuperResolutionUNet.Recipe())
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public init() {}

  public func validate() throws(RecipeError) {
    try require((1...data.height).contains(smallHeight), "small_height", "expected 1 to \(data.height), found \(smallHeight)")
    try require((1...data.width).contains(smallWidth), "small_width", "expected 1 to \(data.width), found \(smallWidth)")
    let names = corruptionNames.count, strengths = superResolution.member.numCorruptions
    try require(
      names == 0 || strengths == nil || strengths == names, "corruption_names",
      "expected \(strengths ?? 0), one for each of num_corruptions, found \(names)")
    try require(Set(corruptionNames).count == names, "corruption_names", "expected each name once")
  }

  public var networkRecipe: any RecognisableRecipe { superResolution.member }
  public var restoration: RestorationFacts? {
    RestorationFacts(image: [data.channels, smallHeight, smallWidth], corruptionNames: corruptionNames)
  }

  public func adapted() -> Self {
    var recipe = self
    var facts = data.networkInputSpec(process.variance)
    facts.corruptions = corruptionNames.isEmpty ? nil : corruptionNames.count
    var network = superResolution.member
    network.adapt(to: facts)
    recipe.superResolution = Choice(network)
    return recipe
  }

  public func makeNetwork(using initializer: Initializer) throws -> any DiffusionNetwork {
    try superResolution.member.makeNetwork(using: initializer)
  }

  public static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedModel? {
    guard let found = RestoringNetworkRegistry.recognised(from: shapes, side: side),
      let network = found.recipe as? any RestoringRecipe
    else { return nil }
    var model = Self()
    (model.data, model.process, model.superResolution) = (DataSpec(found.inputs), ProcessRecipe(found.inputs), Choice(network))
    // No shape shows how much smaller the degraded images are.
    let factor = type(of: network).enlarges ? 4 : 1
    (model.smallHeight, model.smallWidth) = (max(model.data.height / factor, 1), max(model.data.width / factor, 1))
    return RecognisedModel(model, found)
  }

  public func tryOut() throws {
    let small = Tensor.empty([1, data.channels, smallHeight, smallWidth], on: .meta)
    try NetworkDryRun.run(
      makeNetwork(using: .shapes), type: networkType, data, process, Conditioning(lowRes: small))
  }
}
