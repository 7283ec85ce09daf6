import Diffusion
import NN
import Networks
import Tensors

/// A model as the denoisers that sampling asks.
struct SamplingDenoiser {
  let network: any DiffusionNetwork
  let recipe: ModelRecipe
  let process: DiscreteProcess
  let sampling: SamplingRecipe
  let device: Device

  /// As a sampler wants it: guided, and its estimates kept within the range of data.
  /// - Parameter labels: the class of each image; nil where it is told none.
  func guided(_ labels: [Int?]) -> AnyDenoiser {
    guard let condition = condition(labels), let null = null(labels.count), labels.contains(where: { $0 != nil }) else {
      return adjusted(told(condition(labels)))
    }
    return adjusted(
      ClassifierFreeGuidance(
        scale: sampling.guidanceScale, rescale: sampling.guidanceRescale, interval: sampling.guidedRatios, condition: condition,
        null: null, denoiser: told))
  }

  /// The network alone, told the classes: what judges candidates.
  func plain(_ labels: [Int?]) -> NetworkDenoiser { told(condition(labels)) }

  private func adjusted(_ denoiser: some Denoiser) -> AnyDenoiser {
    let rederives = sampling.useClippedModelOutput
    if let ratio = sampling.dynamicThresholdingRatio {
      return AnyDenoiser(
        denoiser.thresholded(
          dynamicThresholdingRatio: ratio, sampleMaxValue: sampling.sampleMaxValue ?? .infinity, useClippedModelOutput: rederives))
    }
    guard sampling.clip else { return AnyDenoiser(denoiser) }
    let range = sampling.clipSampleRange
    return AnyDenoiser(denoiser.clipped(to: -range...range, useClippedModelOutput: rederives))
  }

  /// The network told `labels`, `[N]`.
  private func told(_ labels: Tensor?) -> NetworkDenoiser {
    recipe.process.denoiser(in: process) { [network] x, timesteps in
      network(x, timesteps: timesteps, conditioning: Conditioning(labels: labels), mode: .inference)
    }
  }

  /// What the network is told of each image: its class, or the null class; nil for a network without classes.
  private func condition(_ labels: [Int?]) -> Tensor? {
    let told = labels.compactMap { $0 ?? recipe.data.nullClass }
    return told.isEmpty ? nil : Tensor(told).to(device)
  }

  private func null(_ count: Int) -> Tensor? {
    recipe.data.nullClass.map { Tensor(Array(repeating: $0, count: count)).to(device) }
  }
}
