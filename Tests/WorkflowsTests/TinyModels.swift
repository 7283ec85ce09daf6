import Datasets
import Diffusion
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Training

@testable import Workflows

/// Tiny models from training recipes, of 8 x 8 glyphs.
extension Tiny {
  static let recipe = """
    data: { type: glyphs, size: 8, classes: digits, count: 100 }
    network: { type: adm_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }
    sampling: { steps: 4, guidance_scale: 2 }
    training: { batch_size: 4, warmup_images: 8, duration: 24, log_every: 8, preview_every: 1000, checkpoint_every: 1000 }

    """

  /// An untrained model whose every output depends on all of its conditioning: zero-initialised weights are random too.
  static func model(set: [String] = []) throws -> Model {
    let recipe = try TrainRecipe(yaml: recipe, set: set)
    let described = try recipe.modelRecipe(for: recipe.data.member.open())
    let network = try described.network.member.makeNetwork(using: Initializer(Generator(seed: 1)))
    try unzero(network)
    return Model(recipe: described, provenance: Provenance(step: 3), network: network)
  }
}

/// A sampling request of the tiny model.
func request(_ count: Int = 6, _ change: (inout SamplingRequest) -> Void = { _ in }) -> SamplingRequest {
  var request = SamplingRequest(model: "tiny")
  request.count = count
  change(&request)
  return request
}
