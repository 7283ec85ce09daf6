import Tensors

/// Keeps the estimate of the clean images within the range of data, and derives the noise anew, so that both still make up x.
///
/// Clip after guidance, which leaves the range: `guided.clipped()`.
public struct ClippedDenoiser<Base: Denoiser>: Denoiser {
  let base: Base
  let range: ClosedRange<Double>
  public var noiseScale: NoiseScale { base.noiseScale }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    var prediction = base.predict(x, at: levels)
    let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
    prediction.x0 = prediction.x0.clamp(range)
    prediction.epsilon = (x - alpha * prediction.x0) / sigma
    return prediction
  }
}

extension Denoiser {
  /// This denoiser with x₀ kept within `range`, in which data lie.
  public func clipped(to range: ClosedRange<Double> = -1...1) -> ClippedDenoiser<Self> {
    ClippedDenoiser(base: self, range: range)
  }
}
