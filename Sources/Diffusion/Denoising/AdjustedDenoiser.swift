import Tensors

/// A denoiser whose estimate of the clean images is changed before a sampler sees it: clipped, thresholded or adjusted by a function.
///
/// Changes compose, the first one written first: `guided.adjusted { … }.clipped()`. Clip after classifier-free guidance, which
/// leaves the range, and before a classifier's (`guided(by:)`), whose shift is not clipped again.
public struct AdjustedDenoiser<Base: Denoiser>: Denoiser {
  let base: Base
  let useClippedModelOutput: Bool
  let adjust: (Tensor) -> Tensor
  public var noiseLevelRange: NoiseLevelRange { base.noiseLevelRange }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    var prediction = base.predict(x, at: levels)
    prediction.x0 = adjust(prediction.x0)
    if useClippedModelOutput {
      let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
      prediction.epsilon = (x - alpha * prediction.x0) / sigma
    }
    return prediction
  }
}

extension Denoiser {
  /// This denoiser with a function applied to its x₀ (guided-diffusion's `denoised_fn`).
  ///
  /// - Parameters:
  ///   - useClippedModelOutput: rederives the noise, so that both still make up x, as guided-diffusion does. Without it ε
  ///     remains the network's, as in nice-diffusion and by diffusers' default; samplers that step by ε, DDIM above all,
  ///     then give other images.
  ///   - adjust: from and to `[N, C, H, W]`.
  public func adjusted(
    useClippedModelOutput: Bool = true, _ adjust: @escaping (Tensor) -> Tensor
  ) -> AdjustedDenoiser<Self> {
    AdjustedDenoiser(base: self, useClippedModelOutput: useClippedModelOutput, adjust: adjust)
  }

  /// This denoiser with x₀ kept within `range`, in which data lie.
  /// - Parameter useClippedModelOutput: as of `adjusted`.
  public func clipped(to range: ClosedRange<Double> = -1...1, useClippedModelOutput: Bool = true) -> AdjustedDenoiser<Self> {
    adjusted(useClippedModelOutput: useClippedModelOutput) { $0.clamp(range) }
  }

  /// This denoiser with x₀ thresholded dynamically, instead of clipped: each image is limited to [−s, s] and divided by s, the
  /// quantile of its absolute values, where that is above 1. Strong guidance so saturates fewer pixels.
  ///
  /// Saharia et al., "Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding" (Imagen, 2022), section
  /// 2.3; diffusers' `thresholding`.
  ///
  /// - Parameters:
  ///   - dynamicThresholdingRatio: which quantile, 0 to 1.
  ///   - sampleMaxValue: s is no larger than this; 1 is plain clipping.
  ///   - useClippedModelOutput: as of `adjusted`.
  public func thresholded(
    dynamicThresholdingRatio: Double = 0.995, sampleMaxValue: Double = .infinity, useClippedModelOutput: Bool = true
  ) -> AdjustedDenoiser<Self> {
    adjusted(useClippedModelOutput: useClippedModelOutput) { x0 in
      guard x0.fault == nil else { return x0 }
      let perImage = [x0.size(0)] + Array(repeating: 1, count: x0.rank - 1)
      let quantile = x0.abs().reshape(x0.size(0), -1).quantile(dynamicThresholdingRatio, 1).reshape(perImage)
      let s = quantile.clamp(1...max(sampleMaxValue, 1))
      return x0.minimum(s).maximum(-s) / s
    }
  }
}
