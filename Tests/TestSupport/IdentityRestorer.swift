import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// A restoration model that has learned nothing: its last convolution is zero, and so is the residual that it gives in one evaluation. A result
/// is then the degraded picture at the size of the result, exactly.
extension Tiny {
  package static let restorerRecipe = """
    data: { channels: 3, height: 16, width: 16 }
    small_height: 16
    small_width: 16
    corruption_names: [gaussian_blur, noise, jpeg, reduction]
    super_resolution: { type: restoration_unet, model_channels: 8, channel_mult: [1] }
    process:
      { schedule: { type: cosine, steps: 1000 }, rescale_betas_zero_snr: true, parameterization: v_scaled_input, residual_scale: 0.063 }
    sampling: { steps: 1 }

    """

  /// - Parameter set: changes of the recipe.
  package static func writeIdentityRestorer(to path: String, set: [String] = []) throws {
    let recipe = try SuperResolutionModelRecipe(yaml: restorerRecipe, set: set).adapted()
    let network = try recipe.makeNetwork(using: Initializer(Generator(seed: 1)))
    try ModelFile.write(network.stateDict(), recipe, Provenance(step: 1), to: path)
  }
}
