import Diffusion
import Networks
import RecipeKit

/// The recipe in a model file: enough to sample from it without a flag.
public struct ModelRecipe: Recipe {
  public var data = DataSpec()
  public var network = Choice<NetworkRegistry>(ADMUNet.Recipe())
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public init() {}
}
