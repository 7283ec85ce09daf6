import Tensors

/// A denoiser between two, image by image:
///
///     x̂₀ = (1 − w) x̂₀ᵃ + w x̂₀ᵇ,      and the noise in the same way
///
/// The scores are mixed so too, which are those of p_a^(1 − w) p_b^w at every level: between two classes of one model, images that are
/// likely as both. Liu et al., "Compositional Visual Generation with Composable Diffusion Models" (ECCV 2022). The variance and a
/// predicted mean of an ancestral step are those of `a`.
public struct InterpolatedDenoiser<A: Denoiser, B: Denoiser>: Denoiser {
  let a: A, b: B
  /// w of each image.
  let weights: [Double]

  /// - Parameter weights: one for each image of the batches, 0 for `a`, 1 for `b`.
  public init(_ a: A, _ b: B, weights: [Double]) {
    (self.a, self.b, self.weights) = (a, b, weights)
  }

  public var noiseLevelRange: NoiseLevelRange { a.noiseLevelRange }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    if weights.allSatisfy({ $0 == 0 }) { return a.predict(x, at: levels) }
    if weights.allSatisfy({ $0 == 1 }) { return b.predict(x, at: levels) }
    var p = a.predict(x, at: levels)
    let other = b.predict(x, at: levels), w = weights.column(like: x)
    p.x0 = p.x0 + w * (other.x0 - p.x0)
    p.epsilon = p.epsilon + w * (other.epsilon - p.epsilon)
    return p
  }
}
