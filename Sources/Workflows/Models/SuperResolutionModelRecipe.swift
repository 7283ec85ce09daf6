import Diffusion
import NN
import Networks
import RecipeKit
import Tensors

/// What the model file of a diffusion model that enlarges images says of itself.
public struct SuperResolutionModelRecipe: ModelDescription {
  public static let kind = ModelKind.superResolution

  /// The large images.
  public var data = DataFacts()
  /// Height and width of the small ones.
  public var smallHeight = 16, smallWidth = 16
  public var superResolution = SuperResolutionUNet.Recipe()
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public init() {}

  public func validate() throws(RecipeError) {
    try require((1...data.height).contains(smallHeight), "small_height", "expected 1 to \(data.height), found \(smallHeight)")
    try require((1...data.width).contains(smallWidth), "small_width", "expected 1 to \(data.width), found \(smallWidth)")
  }

  public var networkType: String { SuperResolutionUNet.Recipe.name }
  public var images: (shape: [Int], classNames: [String]) { data.images }
  public var contextSize: Int? { data.contextSize }

  public func adapted() -> Self {
    var recipe = self
    recipe.superResolution.adapt(to: data.networkFacts(process.variance))
    return recipe
  }

  public func makeModule(using initializer: Initializer) throws -> any Module {
    try SuperResolutionUNet(superResolution, using: initializer)
  }

  public func tryOut() throws {
    let small = Tensor.empty([1, data.channels, smallHeight, smallWidth], on: .meta)
    try NetworkTrial.run(
      SuperResolutionUNet(superResolution, using: .shapes), type: networkType, data, process, Conditioning(lowRes: small))
  }
}
