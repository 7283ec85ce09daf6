import Tensors

/// Draws a conditional denoiser away from the unconditional one:
///
///     guided = null + s (conditional − null)
///
/// s = 1 is no guidance, 0 is unconditional, both by one plain call of the network; any other s asks it for both in one call
/// of twice the batch. x₀, ε and v are linear in each other at a given x, so it does not matter which of them is guided. The
/// learned variance is the conditional one's.
///
/// Ho and Salimans, "Classifier-Free Diffusion Guidance" (2022), whose strength w is s − 1.
public struct ClassifierFreeGuidance<Base: Denoiser>: Denoiser {
  public let scale: Double
  let conditional: Base, unconditional: Base, both: Base

  /// - Parameters:
  ///   - scale: s.
  ///   - condition: what each image should be: class labels `[N]`, say, or vectors `[N, D]`.
  ///   - null: of the same shape, what the network was told in training where it was told nothing: label K of K classes, say.
  ///   - denoiser: gives the denoiser that is told its argument, `[N, …]` or `[2N, …]`.
  public init(scale: Double, condition: Tensor, null: Tensor, denoiser: (Tensor) -> Base) {
    self.scale = scale
    conditional = denoiser(condition)
    unconditional = denoiser(null)
    both = denoiser(.cat([condition, null], dim: 0))
  }

  public var noiseScale: NoiseScale { conditional.noiseScale }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    switch scale {
    case 1: conditional.predict(x, at: levels)
    case 0: unconditional.predict(x, at: levels)
    default: guided(both.predict(.cat([x, x], dim: 0), at: levels.count == 1 ? levels : levels + levels))
    }
  }

  private func guided(_ doubled: Prediction) -> Prediction {
    let x0 = doubled.x0.chunk(2, dim: 0), epsilon = doubled.epsilon.chunk(2, dim: 0)
    return Prediction(x0: drawn(x0), epsilon: drawn(epsilon), variance: doubled.variance.firstHalf)
  }

  private func drawn(_ halves: [Tensor]) -> Tensor { halves[1] + scale * (halves[0] - halves[1]) }
}

extension StepVariance {
  /// That of the first half of the images.
  fileprivate var firstHalf: StepVariance {
    guard case .range(let place) = self else { return self }
    return .range(place.chunk(2, dim: 0)[0])
  }
}
