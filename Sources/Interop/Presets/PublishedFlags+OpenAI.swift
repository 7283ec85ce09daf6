import Diffusion
import Failures
import Models
import Networks
import RecipeKit

/// The models that guided-diffusion and improved-diffusion build from their flags (`script_util.py`).
extension PublishedFlags {
  static let classCount = 1000

  func denoiser(steps: Int) throws -> ModelRecipe {
    var recipe = ModelRecipe()
    let size = try number("image_size")
    recipe.data = try data(size)
    recipe.network = Choice(try unet(size, channelMult: mult(size)))
    recipe.process = try process()
    (recipe.sampler, recipe.sampling) = Self.ancestral(steps)
    return recipe
  }

  func superResolution(steps: Int) throws -> SuperResolutionModelRecipe {
    var recipe = SuperResolutionModelRecipe()
    let size = try number("large_size"), small = try number("small_size")
    recipe.data = try data(size)
    (recipe.smallHeight, recipe.smallWidth) = (small, small)
    // Of 512 too: the larger list is the plain model's alone.
    var network = SuperResolutionUNet.Recipe()
    network.unet = try unet(size, channelMult: mult(min(size, 256)))
    recipe.superResolution = Choice(network)
    recipe.process = try process()
    (recipe.sampler, recipe.sampling) = Self.ancestral(steps)
    return recipe
  }

  func classifier() throws -> ClassifierModelRecipe {
    let size = try number("image_size")
    var network = EncoderClassifier.Recipe()
    (network.imageSize, network.inChannels, network.numClasses) = (size, 3, Self.classCount)
    (network.modelChannels, network.channelMult) = (try number("classifier_width"), try mult(size))
    network.numResBlocks = try number("classifier_depth")
    network.attentionResolutions = try numbers("classifier_attention_resolutions")
    network.numHeadChannels = 64
    network.useScaleShiftNorm = try isTrue("classifier_use_scale_shift_norm")
    network.resblockUpdown = try isTrue("classifier_resblock_updown")
    guard let pool = EncoderClassifier.Pool(rawValue: self["classifier_pool"]) else {
      throw SfumatoError(.usage, "--classifier_pool: there is no pool '\(self["classifier_pool"])'")
    }
    network.pool = pool
    var recipe = ClassifierModelRecipe()
    recipe.data = images(size, classes: Self.classNames)
    recipe.classifier = Choice(network)
    recipe.process = NoisingProcess(of: try process())
    return recipe
  }

  // MARK: Parts

  /// The class numbers as names: the files name no classes.
  private static let classNames = (0..<classCount).map(String.init)

  private func data(_ size: Int) throws -> DataSpec { images(size, classes: try isTrue("class_cond") ? Self.classNames : []) }

  private func images(_ size: Int, classes: [String]) -> DataSpec {
    var data = DataSpec()
    (data.channels, data.height, data.width, data.classNames) = (3, size, size, classes)
    return data
  }

  private func mult(_ size: Int) throws -> [Double] {
    switch (size, system) {
    case (512, .guidedDiffusion): return [0.5, 1, 1, 2, 2, 4, 4]
    case (256, _): return [1, 1, 2, 2, 4, 4]
    case (128, .guidedDiffusion): return [1, 1, 2, 3, 4]
    case (64, _): return [1, 2, 3, 4]
    case (32, .improvedDiffusion): return [1, 2, 2, 2]
    default: throw SfumatoError(.usage, "\(system.rawValue) knows no channel_mult for images of \(size)")
    }
  }

  private func unet(_ size: Int, channelMult: [Double]) throws -> ADMUNet.Recipe {
    var unet = ADMUNet.Recipe()
    (unet.imageSize, unet.inChannels, unet.outChannels) = (size, 3, try isTrue("learn_sigma") ? 6 : 3)
    (unet.modelChannels, unet.channelMult, unet.numResBlocks) = (try number("num_channels"), channelMult, try number("num_res_blocks"))
    unet.attentionResolutions = try numbers("attention_resolutions")
    (unet.numHeads, unet.numHeadsUpsample) = (try number("num_heads"), try number("num_heads_upsample"))
    (unet.useScaleShiftNorm, unet.dropout) = (try isTrue("use_scale_shift_norm"), try fraction("dropout"))
    unet.numClasses = try isTrue("class_cond") ? Self.classCount : nil
    // What improved-diffusion does not have is off.
    let isGuided = system == .guidedDiffusion
    unet.numHeadChannels = isGuided ? try number("num_head_channels") : -1
    unet.resblockUpdown = try isGuided && isTrue("resblock_updown")
    unet.useNewAttentionOrder = try isGuided && isTrue("use_new_attention_order")
    return unet
  }

  private func process() throws -> ProcessRecipe {
    var process = ProcessRecipe()
    process.schedule = try Self.schedule(self["noise_schedule"], steps: number("diffusion_steps"))
    process.parameterization = try isTrue("predict_xstart") ? .x0 : .epsilon
    let isSmall = try system == .improvedDiffusion && isTrue("sigma_small")
    process.variance = try isTrue("learn_sigma") ? .learnedRange : isSmall ? .fixedSmall : .fixedLarge
    process.rescaleTimesteps = try isTrue("rescale_timesteps")
    return process
  }

  static func schedule(_ name: String, steps: Int) throws -> Choice<ScheduleRegistry> {
    switch name {
    case "linear": return Choice(LinearSchedule(steps: steps))
    case "cosine": return Choice(CosineSchedule(steps: steps))
    default: throw SfumatoError(.usage, "there is no noise schedule '\(name)'; known: linear, cosine")
    }
  }

  /// Sampling as `image_sample.py` does. `linspace` visits the steps that `--timestep_respacing N` does, and takes another number
  /// of steps just as well.
  private static func ancestral(_ steps: Int) -> (Choice<SamplerRegistry>, SamplingRecipe) {
    var sampling = SamplingRecipe()
    (sampling.steps, sampling.spacing) = (steps, .linspace)
    return (Choice(DDPM()), sampling)
  }
}
