import Diffusion
import Models
import NN
import Networks
import Tensors

/// The denoisers that sampling evaluates.
struct SamplingDenoiser {
  let network: any DiffusionNetwork
  /// The weaker network that guides in place of the null class; nil for none.
  var weaker: (any DiffusionNetwork)?
  let recipe: ModelRecipe
  let diffusion: GaussianDiffusion
  let sampling: SamplingRecipe
  let conditions: SamplingConditions
  /// The same for the weaker network, which has a text encoder of its own.
  var weakerConditions: SamplingConditions?

  /// The denoiser for a sampler: guided, with estimates clipped to the data range.
  /// - Parameter range: the range of the images among all images.
  func guided(_ range: Range<Int>) -> AnyDenoiser {
    let condition = conditions.condition(range)
    if let weaker {
      return sampling.adjusted(
        Autoguidance(
          scale: sampling.guidanceScale, interval: sampling.guidedRatios, strong: conditioned(on: condition),
          weak: denoiser(weaker, on: weakerConditions?.condition(range) ?? condition)))
    }
    return sampling.guided(condition, null: conditions.isConditional ? conditions.null(range) : nil, conditioned(on:))
  }

  /// The conditional network without guidance or clipping, for scoring candidates.
  func plain(_ range: Range<Int>) -> NetworkDenoiser { conditioned(on: conditions.condition(range)) }

  /// The network conditioned on classes, `[N]`, or vectors, `[N, D]`.
  private func conditioned(on condition: Tensor?) -> NetworkDenoiser { denoiser(network, on: condition) }

  private func denoiser(_ network: any DiffusionNetwork, on condition: Tensor?) -> NetworkDenoiser {
    let conditioning = conditions.conditioning(condition)
    return diffusion.denoiser { x, timesteps in
      network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
  }
}

extension SamplingRecipe {
  /// A conditioned denoiser, guided away from the null condition and clipped as the recipe says.
  /// - Parameters:
  ///   - condition: classes `[N]` or vectors `[N, D]`; nil for an unconditional network.
  ///   - null: of the same shape; nil for no guidance.
  ///   - denoiser: gives the denoiser for a condition.
  func guided(_ condition: Tensor?, null: Tensor?, _ denoiser: (Tensor?) -> NetworkDenoiser) -> AnyDenoiser {
    guard let condition, let null else { return adjusted(denoiser(condition)) }
    return adjusted(
      ClassifierFreeGuidance(
        scale: guidanceScale, rescale: guidanceRescale, interval: guidedRatios, condition: condition, null: null, denoiser: denoiser))
  }

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
