import Checkpoints
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// Models that are as small as the networks get: 8 x 8 images, 32 channels, one level.
package enum Tiny {
  package static let denoiserRecipe = """
    data: { channels: 1, height: 8, width: 8, class_names: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], null_class: 10 }
    network: { type: adm_unet, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }
    sampling: { steps: 4, guidance_scale: 2 }

    """

  /// An untrained model of ten classes, whose every output depends on all its inputs: what would start from zero is random too.
  package static func denoiser(set: [String] = []) throws -> Model {
    let recipe = try ModelRecipe(yaml: denoiserRecipe, set: set).adapted()
    let network = try recipe.makeNetwork(using: Initializer(Generator(seed: 1)))
    try unzero(network)
    return Model(recipe: recipe, provenance: Provenance(step: 3), network: network)
  }

  /// An ADM UNet whose attention has the legacy order, which diffusers can express under other names.
  package static func legacy(set: [String] = []) throws -> Model {
    try denoiser(
      set: [
        "network.channel_mult=[1, 2]", "network.attention_resolutions=[4]", "network.num_head_channels=16",
        "network.use_new_attention_order=false",
      ] + set)
  }

  /// Makes random what would start from zero.
  package static func unzero(_ network: some Module) throws {
    let random = Generator(seed: 2)
    for (_, parameter) in network.namedParameters() where try parameter.value.detach().abs().max().item() == 0 {
      try parameter.assign(.randn(parameter.shape, using: random) * 0.05)
    }
  }

  /// Writes a model as training does.
  package static func write(_ model: Model, to path: String) throws {
    try Safetensors.write(model.network.stateDict(), metadata: ModelFile.metadata(model.recipe, model.provenance), to: path)
  }
}

// MARK: Classifiers

extension Tiny {
  package static let classifierRecipe = """
    data: { channels: 1, height: 8, width: 8, class_names: [a, b, c] }
    classifier:
      { type: encoder_classifier, image_size: 8, in_channels: 1, num_classes: 3, model_channels: 32, channel_mult: [1],
        num_res_blocks: 1, attention_resolutions: [], num_head_channels: 16 }
    process: { schedule: { type: cosine, steps: 1000 } }

    """

  package static func classifier(set: [String] = []) throws -> ClassifierModel {
    let recipe = try ClassifierModelRecipe(yaml: classifierRecipe, set: set)
    let network = try recipe.classifier.member.makeClassifier(using: Initializer(Generator(seed: 1)))
    try unzero(network)
    return ClassifierModel(recipe: recipe, provenance: Provenance(step: 4), network: network)
  }

  package static func write(_ classifier: ClassifierModel, to path: String) throws {
    try Safetensors.write(
      classifier.network.stateDict(), metadata: ModelFile.metadata(classifier.recipe, classifier.provenance), to: path)
  }

  /// A denoiser of the classifier's images, untrained.
  package static func guided(set: [String] = []) throws -> ModelRecipe {
    try ModelRecipe(
      yaml: "data: { channels: 1, height: 8, width: 8 }\nprocess: { schedule: { type: cosine, steps: 1000 } }", set: set)
  }
}
