import Diffusion
import Models
import NN
import Networks
import Tensors

/// A model as the denoisers that sampling asks.
struct SamplingDenoiser {
  let network: any DiffusionNetwork
  let recipe: ModelRecipe
  let diffusion: GaussianDiffusion
  let sampling: SamplingRecipe
  let conditions: SamplingConditions

  /// As a sampler wants it: guided, and its estimates kept within the range of data.
  /// - Parameter range: which of all images they are.
  func guided(_ range: Range<Int>) -> AnyDenoiser {
    guard conditions.areAsked, let condition = conditions.told(range), let null = conditions.null(range) else {
      return sampling.adjusted(told(conditions.told(range)))
    }
    return sampling.adjusted(
      ClassifierFreeGuidance(
        scale: sampling.guidanceScale, rescale: sampling.guidanceRescale, interval: sampling.guidedRatios, condition: condition,
        null: null, denoiser: told))
  }

  /// The network alone, told what each image should be: what judges candidates.
  func plain(_ range: Range<Int>) -> NetworkDenoiser { told(conditions.told(range)) }

  /// The network told classes, `[N]`, or vectors, `[N, D]`.
  private func told(_ condition: Tensor?) -> NetworkDenoiser {
    let conditioning = conditions.conditioning(condition)
    return diffusion.denoiser { [network] x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
  }
}

extension SamplingRecipe {
  /// The denoiser with its estimates kept within the range of data.
  func adjusted(_ denoiser: some Denoiser) -> AnyDenoiser {
    if let ratio = dynamicThresholdingRatio {
      return AnyDenoiser(
        denoiser.thresholded(
          dynamicThresholdingRatio: ratio, sampleMaxValue: sampleMaxValue ?? .infinity, useClippedModelOutput: useClippedModelOutput))
    }
    guard clip else { return AnyDenoiser(denoiser) }
    return AnyDenoiser(denoiser.clipped(to: -clipSampleRange...clipSampleRange, useClippedModelOutput: useClippedModelOutput))
  }
}
