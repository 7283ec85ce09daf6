import Diffusion
import Models
import NN
import Networks
import Tensors

/// The denoisers that sampling evaluates.
struct SamplingDenoiser {
  let network: any DiffusionNetwork
  let recipe: ModelRecipe
  let diffusion: GaussianDiffusion
  let sampling: SamplingRecipe
  let conditions: SamplingConditions

  /// The denoiser for a sampler: guided, with estimates clipped to the data range.
  /// - Parameter range: the range of the images among all images.
  func guided(_ range: Range<Int>) -> AnyDenoiser {
    guard conditions.isConditional, let condition = conditions.condition(range), let null = conditions.null(range) else {
      return sampling.adjusted(conditioned(on: conditions.condition(range)))
    }
    return sampling.adjusted(
      ClassifierFreeGuidance(
        scale: sampling.guidanceScale, rescale: sampling.guidanceRescale, interval: sampling.guidedRatios, condition: condition,
        null: null, denoiser: conditioned(on:)))
  }

  /// The conditional network without guidance or clipping, for scoring candidates.
  func plain(_ range: Range<Int>) -> NetworkDenoiser { conditioned(on: conditions.condition(range)) }

  /// The network conditioned on classes, `[N]`, or vectors, `[N, D]`.
  private func conditioned(on condition: Tensor?) -> NetworkDenoiser {
    let conditioning = conditions.conditioning(condition)
    return diffusion.denoiser { [network] x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
  }
}

extension SamplingRecipe {
  /// The denoiser with its estimates clipped or thresholded to the data range.
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
