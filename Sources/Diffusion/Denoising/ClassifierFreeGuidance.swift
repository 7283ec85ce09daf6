import Tensors

/// Moves a conditional denoiser away from the unconditional one:
///
///     guided = null + s (conditional − null)
///
/// s = 1 is no guidance, 0 is unconditional, both by one plain call of the network; any other s evaluates both in one call
/// of twice the batch. x₀, ε and v are linear in each other at a given x, so it does not matter which of them is guided. The
/// learned variance is the conditional one's.
///
/// Ho and Salimans, "Classifier-Free Diffusion Guidance" (2022), whose strength w is s − 1.
public struct ClassifierFreeGuidance<Base: Denoiser>: Denoiser {
  public let scale: Double, rescale: Double
  /// Where it guides; elsewhere only the conditional denoiser is evaluated.
  public let interval: ClosedRange<Double>
  let conditional: Base, unconditional: Base, both: Base

  /// - Parameters:
  ///   - scale: s.
  ///   - rescale: φ, from 0 to 1: so far each image's guided x₀ is brought back to the standard deviation of its conditional x₀,
  ///     against the glare of strong guidance (Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2023,
  ///     section 3.4). They rescale what their network puts out; the same of x₀ depends neither on what a network predicts nor
  ///     on the level, and where they matter most, at pure noise with v, the two are one.
  ///   - interval: the noise over signal, σ / α, at which it guides (Kynkäänniemi et al., "Applying Guidance in a Limited
  ///     Interval Improves Sample and Distribution Quality in Diffusion Models", 2024).
  ///   - condition: what each image should be: class labels `[N]`, say, or vectors `[N, D]`.
  ///   - null: of the same shape, the conditioning that stood for none in training: label K of K classes, say.
  ///   - denoiser: gives the denoiser conditioned on its argument, `[N, …]` or `[2N, …]`.
  public init(
    scale: Double, rescale: Double = 0, interval: ClosedRange<Double> = 0...Double.infinity, condition: Tensor, null: Tensor,
    denoiser: (Tensor) -> Base
  ) {
    self.scale = scale
    self.rescale = rescale
    self.interval = interval
    conditional = denoiser(condition)
    unconditional = denoiser(null)
    both = denoiser(.cat([condition, null], dim: 0))
  }

  public var noiseLevelRange: NoiseLevelRange { conditional.noiseLevelRange }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let scales = levels.map { interval.contains($0.sigma / $0.alpha) ? scale : 1 }
    if scales.allSatisfy({ $0 == 1 }) { return conditional.predict(x, at: levels) }
    if scales.allSatisfy({ $0 == 0 }) && rescale == 0 { return unconditional.predict(x, at: levels) }
    let doubled = both.predict(.cat([x, x], dim: 0), at: levels.count == 1 ? levels : levels + levels)
    let guided = guided(doubled, by: scales.column(like: x), imagesAt: levels.count)
    return rescale == 0 ? guided : rescaled(guided, to: doubled.x0.chunk(2, dim: 0)[0], of: x, at: levels)
  }

  private func guided(_ doubled: Prediction, by scale: Tensor, imagesAt levels: Int) -> Prediction {
    let drawn = { (both: Tensor) in
      let halves = both.chunk(2, dim: 0)
      return halves[1] + scale * (halves[0] - halves[1])
    }
    var guided = Prediction(
      x0: drawn(doubled.x0), epsilon: drawn(doubled.epsilon), variance: doubled.variance.map { $0.chunk(2, dim: 0)[0] })
    if let previous = doubled.previousMean {
      guided.previousMean = PreviousMean(drawn(previous.mean), levels: Array(previous.levels.prefix(levels)))
    }
    return guided
  }

  /// Lin et al. 2023, eqs. 15 and 16.
  private func rescaled(_ guided: Prediction, to conditional: Tensor, of x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let deviation = guided.x0.deviationPerImage(), wanted = conditional.deviationPerImage()
    let factor = Tensor.where(deviation.gt(0), wanted / deviation, .ones(like: deviation))
    let x0 = (rescale * factor + (1 - rescale)) * guided.x0
    let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
    // It has no mean predicted by the network.
    return Prediction(x0: x0, epsilon: (x - alpha * x0) / sigma, variance: guided.variance)
  }
}

extension Tensor {
  /// The standard deviation of each image's elements, `[N, 1, …]`.
  fileprivate func deviationPerImage() -> Tensor {
    guard fault == nil else { return self }
    return reshape(size(0), -1).variance(1).sqrt().reshape([size(0)] + Array(repeating: 1, count: rank - 1))
  }
}
