import Tensors

/// Ancestral sampling: from the level `t` to the cleaner level `s`, draw from the model's p(x_s | x_t),
///
///     x_s = (α_s β / σ_t²) x̂₀ + (r σ_s² / σ_t²) x + √Σ z,      r = α_t / α_s,   β = σ_t² − r² σ_s²
///
/// where β is 1 − r² if variance is preserved, and Σ lies between β̃ = β σ_s² / σ_t² and β, as the model predicts. Needs many steps. A model that predicts the mean
/// (`Parameterization.previousX`) gives the mean directly, and a classifier's gradient g adds Σ g to it.
///
/// Ho, Jain and Abbeel 2020, eqs. 6 and 7; learned Σ: Nichol and Dhariwal 2021, eq. 15; the classifier: Dhariwal and Nichol
/// 2021, algorithm 1.
public struct DDPM: Sampler {
  public static let name = "ddpm"
  public var order: Int? { nil }

  public struct Memory {
    /// β̃ of the step before the one to the clean image, which stands in for the 0 of that.
    var clippedPosterior: Double?
  }

  public init() {}

  public func makeMemory(for levels: [NoiseLevel]) -> Memory {
    guard levels.count > 2, let last = levels.last, last.sigma == 0 else { return Memory() }
    let before = AncestralStep(from: levels[levels.count - 3], to: levels[levels.count - 2])
    return Memory(clippedPosterior: before.beta * before.kept)
  }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Memory, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    let p = denoiser.predict(x, at: t)
    let step = AncestralStep(from: t, to: s)
    let bounds = [step.bounds(clippedPosterior: memory.clippedPosterior)]
    let x0 = p.shift?.unguidedX0 ?? p.x0
    var next = p.previousMean?.mean(at: [s]) ?? step.x0Weight * x0 + step.xWeight * x
    if let shift = p.shift { next = next + p.variance.variance(within: bounds, like: x) * shift.gradient }
    if s.sigma > 0, noise.isAllowed {
      next = next + (0.5 * p.variance.logVariance(within: bounds, like: x)).exp() * noise.normal(like: x)
    }
    return Transition(x: next, x0: x0)
  }
}

/// The numbers of one ancestral step.
private struct AncestralStep {
  /// The weights of x̂₀ and x in the mean.
  let x0Weight: Double, xWeight: Double
  let beta: Double
  /// σ_s² / σ_t².
  let kept: Double
  private let isLast: Bool

  init(from t: NoiseLevel, to s: NoiseLevel) {
    let ratio = t.alpha / s.alpha
    beta = t.sigma * t.sigma - ratio * ratio * s.sigma * s.sigma
    kept = (s.sigma * s.sigma) / (t.sigma * t.sigma)
    x0Weight = s.alpha * beta / (t.sigma * t.sigma)
    xWeight = ratio * kept
    isLast = s.sigma == 0
  }

  /// - Parameter clippedPosterior: of the step before; nil where there is none.
  func bounds(clippedPosterior: Double?) -> VarianceBounds {
    let clipped = isLast ? clippedPosterior ?? beta : beta * kept
    return VarianceBounds(posterior: beta * kept, clippedPosterior: clipped, beta: beta, large: isLast ? clipped : beta)
  }
}
