import Tensors

/// Restoration by a model that was never trained to: what is known of a picture is put into every estimate, and the model makes up the rest,
/// the null space of the degradation.
///
///     x̂₀ ← x̂₀ + A⁺ (y − A x̂₀)
///
/// Wang, Yu and Zhang, "Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model" (DDNM, 2022), eq. 13. Where y has noise of
/// its own, of the standard deviation σ_y, that is part of the noise of the images (DDNM+, section 3.3): with s the singular value of A and
/// r = σ / α, as long as r is above σ_y / s,
///
/// - estimates are projected (λ = 1), and
/// - the network is shown images whose noise in the range of A is smaller by γ / σ = √(1 − (σ_y / s r)²), so that with the noise of y
///   it is that of the level.
///
/// At the step that leads below σ_y / s, the noise of the images becomes that of y (γ = 0, λ = r s / σ_y), and from there on the sampler removes
/// it as any noise. The paper goes on to hold to y there, which brings the noise of y back as steps become many.
///
/// This is independent of the sampler: what a sampler steps on has the noise of its levels throughout.
public struct NullSpaceProjection: Sendable, Equatable {
  public let degradation: LinearDegradation
  /// σ_y, of pictures in [−1, 1].
  public let noise: Double

  public init(_ degradation: LinearDegradation, noise: Double = 0) { (self.degradation, self.noise) = (degradation, noise) }

  /// What is known of pictures.
  public struct Observation {
    /// y, `[N, 1 or C, h, w]`, of pictures in [−1, 1].
    public var y: Tensor
    /// 1 where y is known, 0 where nothing is, `[N, 1, h, w]`; nil where all is known.
    public var known: Tensor?

    public init(y: Tensor, known: Tensor? = nil) { (self.y, self.known) = (y, known) }

    /// On the device of other tensors.
    public func to(like x: Tensor) -> Observation { Observation(y: y.to(like: x), known: known?.to(like: x)) }

    func masked(_ difference: Tensor) -> Tensor { known.map { difference * $0 } ?? difference }
  }

  /// σ_y / s: the noise over signal at which the noise of y is that of the images.
  private var ratio: Double { noise / degradation.singularValue }

  /// Whether images of this level have at least the noise of y.
  public func holds(at level: NoiseLevel) -> Bool { level.sigma >= ratio * level.alpha }

  /// The estimates with what is known put in.
  /// - Parameter x0: `[N, C, H, W]`.
  public func projected(_ x0: Tensor, onto observation: Observation) -> Tensor {
    moved(x0, degradation.degraded(x0), to: observation.y, observation)
  }

  /// The images that the network is to see.
  /// - Parameter x: those of the sampler, `[N, C, H, W]`.
  public func shown(_ x: Tensor, _ observation: Observation, at level: NoiseLevel) -> Tensor {
    guard noise > 0, level.sigma > 0, holds(at: level) else { return x }
    let share = ratio * level.alpha / level.sigma, kept = max(1 - share * share, 0).squareRoot()
    let found = degradation.degraded(x), mean = level.alpha * observation.y
    return moved(x, found, to: mean + kept * (found - mean), observation)
  }

  /// What a step gave, with the noise of y in the place of the sampler's where it led below that.
  /// - Parameters:
  ///   - x: at the level `s`, `[N, C, H, W]`.
  ///   - x0: the estimate of the step, not projected.
  ///   - t, s: the levels that it led from and to.
  public func handedOver(_ x: Tensor, x0: Tensor, _ observation: Observation, from t: NoiseLevel, to s: NoiseLevel) -> Tensor {
    guard noise > 0, holds(at: t), !holds(at: s) else { return x }
    let share = s.sigma / (s.alpha * ratio), estimate = degradation.degraded(x0)
    let wanted = s.alpha * (estimate + share * (observation.y - estimate))
    return moved(x, degradation.degraded(x), to: wanted, observation)
  }

  /// x changed so that A x is no longer `found` but `wanted` where something is known.
  private func moved(_ x: Tensor, _ found: Tensor, to wanted: Tensor, _ observation: Observation) -> Tensor {
    x + degradation.pseudoInverse(observation.masked(wanted - found))
  }
}
