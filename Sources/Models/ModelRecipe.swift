import Diffusion
import Networks
import RecipeKit

/// The recipe in a model file: enough to sample from it without a flag.
public struct ModelRecipe: Recipe {
  public var data = DataSpec()
  public var network = Choice<NetworkRegistry>(ADMUNet.Recipe())
  /// The encoder of the texts that the network takes as context vectors; null for a network without texts.
  public var textEncoder: TextEncoder.Recipe?
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public init() {}

  public func validate() throws(RecipeError) {
    guard let textEncoder else { return }
    try require(
      data.classNames.isEmpty, "text_encoder", "images come with a class or with a text; expected class_names or text_encoder alone")
    let size = data.contextSize ?? textEncoder.width
    try require(
      size == textEncoder.width, "text_encoder", "its vectors have a width of \(textEncoder.width); expected data.context_size \(size)")
  }
}
