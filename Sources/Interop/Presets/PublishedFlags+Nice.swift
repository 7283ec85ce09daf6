import Diffusion
import Failures
import Models
import Networks
import RecipeKit

/// The models that nice-diffusion builds from its flags (`utils.py`).
extension PublishedFlags {
  func niceModel(steps: Int) throws -> ModelRecipe {
    let isGuided = self["guidance_method"] == "classifier_free"
    var recipe = ModelRecipe()
    recipe.data = try niceData(isGuided: isGuided)
    recipe.network = Choice(try niceNetwork(recipe.data))
    recipe.process.schedule = try Self.schedule(self["beta_schedule"], steps: number("original_num_steps"))
    recipe.process.parameterization = .epsilon
    recipe.process.variance = try niceVariance()
    var ddim = DDIM()
    ddim.eta = try fraction("ddim_eta")
    recipe.sampler = try isTrue("use_ddim") ? Choice(ddim) : Choice(DDPM())
    recipe.sampling.steps = steps
    recipe.sampling.spacing = .centred
    recipe.sampling.useClippedModelOutput = false
    // (1 + w) ε(y) − w ε(null), where ours is null + s (ε(y) − null).
    recipe.sampling.guidanceScale = try isGuided ? 1 + fraction("guidance_strength") : 1
    return recipe
  }

  /// With guidance there is one more class, number 0, the null class.
  private func niceData(isGuided: Bool) throws -> DataSpec {
    let size = try number("resolution"), classes = self["num_classes"].isEmpty ? 0 : try number("num_classes")
    var data = DataSpec()
    (data.channels, data.height, data.width) = (try number("in_channels"), size, size)
    data.classNames = (isGuided ? ["none"] : []) + (0..<classes).map { "\($0 + (isGuided ? 1 : 0))" }
    data.nullClass = isGuided ? 0 : nil
    return data
  }

  private func niceNetwork(_ data: DataSpec) throws -> NiceUNet.Recipe {
    var network = NiceUNet.Recipe()
    (network.resolution, network.inChannels) = (data.height, data.channels)
    network.outChannels = try niceVariance().outputChannels(images: data.channels)
    (network.modelChannels, network.numResBlocks) = (try number("model_channels"), try number("num_res_blocks"))
    network.channelMult = try numbers("channel_mult").map(Double.init)
    network.attentionResolutions = try numbers("attention_resolutions")
    network.numHeads = try number("num_heads")
    network.numHeadChannels = self["num_head_channels"].isEmpty ? nil : try number("num_head_channels")
    (network.splitQkvFirst, network.useAdaptiveGn) = (try isTrue("split_qkv_first"), try isTrue("use_adaptive_gn"))
    (network.resblockUpdown, network.dropout) = (try isTrue("resblock_updown"), try fraction("dropout"))
    network.numClasses = data.classRows
    return network
  }

  private func niceVariance() throws -> Variance {
    let known: [String: Variance] = [
      "small": .fixedSmall, "large": .fixedLarge, "learned": .learned, "learned_interpolation": .learnedRange,
    ]
    guard let variance = known[self["sampling_var_type"]] else {
      throw SfumatoError(.usage, "--sampling_var_type: there is no variance '\(self["sampling_var_type"])'")
    }
    return variance
  }
}
