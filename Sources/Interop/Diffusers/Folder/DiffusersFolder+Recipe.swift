import Diffusion
import Failures
import Foundation
import Models
import Networks
import RecipeKit

/// A folder's configurations as a recipe of ours.
extension DiffusersFolder {
  static func recipe(_ unet: UNet2DConfig, _ scheduler: DiffusersScheduler, _ path: String) throws -> ModelRecipe {
    guard scheduler.kind != .flowMatchEuler || scheduler.numTrainTimesteps == 1000 else {
      throw SfumatoError(
        .data,
        "\(path): num_train_timesteps is \(scheduler.numTrainTimesteps); expected 1000 for \(scheduler.kind.rawValue), whose networks are given "
          + "the place on the path times 1000 here")
    }
    var recipe = ModelRecipe()
    recipe.network = Choice(unet.recipe)
    recipe.data = try data(unet, path)
    recipe.process = scheduler.process
    let process = try recipe.process.makeDiffusion().process
    // The default of the class's pipeline.
    let steps = scheduler.kind == .ddpm ? process.steps : min(50, process.steps)
    let sampler = try scheduler.sampler(steps: steps, in: process)
    // Strides that do not end where the next step begins are DDIM's by levels.
    let isRegistered = SamplerRegistry.all.contains { $0 == Swift.type(of: sampler) }
    recipe.sampler = Choice(isRegistered ? sampler : DDIM())
    recipe.sampling = try sampling(scheduler, steps, in: process)
    return recipe
  }

  private static func data(_ unet: UNet2DConfig, _ path: String) throws -> DataSpec {
    var data = DataSpec()
    (data.channels, data.height, data.width) = (unet.recipe.resolvedInChannels, unet.height, unet.width)
    if let count = unet.recipe.numClassEmbeds {
      guard count <= 100_000 else { throw SfumatoError(.data, "\(path): num_class_embeds \(count) is more than the 100000 that are read") }
      data.classNames = (0..<count).map(String.init)
    }
    do throws(RecipeError) { try data.validate() } catch {
      throw SfumatoError(.data, "\(path): the images cannot be sampled: \(error.path): \(error.message)")
    }
    return data
  }

  private static func sampling(_ scheduler: DiffusersScheduler, _ steps: Int, in process: DiscreteProcess) throws -> SamplingRecipe {
    var sampling = SamplingRecipe()
    sampling.steps = steps
    sampling.clip = scheduler.clipSample && scheduler.clips
    sampling.clipSampleRange = scheduler.clipSampleRange
    if scheduler.thresholding && scheduler.thresholds {
      sampling.dynamicThresholdingRatio = scheduler.dynamicThresholdingRatio
      sampling.sampleMaxValue = scheduler.sampleMaxValue
    }
    sampling.useClippedModelOutput = scheduler.kind == .heun
    let wanted = try scheduler.levels(steps: steps, in: process)
    (sampling.spacing, sampling.final) = spacing(scheduler, wanted, in: process)
    return sampling
  }

  /// The spacing that visits `wanted`, by its name where it has one; else the nearest.
  private static func spacing(
    _ scheduler: DiffusersScheduler, _ wanted: [NoiseLevel], in process: DiscreteProcess
  ) -> (Spacing, FinalLevel) {
    let named: Spacing =
      switch scheduler.timestepSpacing {
      case _ where scheduler.useKarrasSigmas: .karras
      case .leading: scheduler.stepsOffset == 0 ? .leading : .leadingOffset(scheduler.stepsOffset)
      case .linspace: .linspace
      case .trailing: .trailing
      }
    let whole = wanted.dropLast().map { Int($0.timestep.rounded()) }
    let final: FinalLevel = wanted.last?.sigma == 0 ? .clean : .sigmaMin
    for candidate in [named, .at(whole)] {
      let levels = try? process.samplingLevels(candidate, steps: candidate.count ?? (wanted.count - 1), final: final)
      if let levels, agree(levels, wanted) { return (candidate, final) }
    }
    return (named, final)
  }

  /// To the rounding of float32, in which some classes have their levels.
  private static func agree(_ a: [NoiseLevel], _ b: [NoiseLevel]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0.sigma - $1.sigma) < 1e-4 && abs($0.timestep - $1.timestep) < 0.01 }
  }
}
