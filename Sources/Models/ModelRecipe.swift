import Diffusion
import Networks
import RecipeKit

/// What a model file says of itself: enough to sample from it without a flag.
public struct ModelRecipe: Recipe {
  public var data = DataSpec()
  public var network = Choice<NetworkRegistry>(ADMUNet.Recipe())
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public init() {}
}
