import Tensors

/// log p(y | x) of each image, `[N]`, by a classifier that was trained on noisy images, with the requested classes bound inside.
///
/// It is called with noisy images `[N, C, H, W]` and their timesteps `[N]`, float32, the ones that a network is given.
public typealias LogProbability = (_ x: Tensor, _ timesteps: Tensor) -> Tensor

/// Moves a denoiser by a classifier of noisy images: the score gains s ∇ log p(y | x), that is
///
///     ε' = ε − σ g,      x₀' = x₀ + (σ² / α) g,      g = s ∇ₓ log p(y | x)
///
/// Ancestral sampling instead adds variance · g to its mean, for which the prediction carries g and the unguided x₀. Where there
/// is no signal, α = 0, x holds nothing of y, and nothing is shifted. Clip before, not after: `denoiser.clipped().guided(by: …)`.
///
/// Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis" (2021), algorithms 1 and 2.
public struct ClassifierGuidance<Base: Denoiser>: Denoiser {
  let base: Base
  let scale: Double
  /// The noise over signal, σ / α, at which it guides; elsewhere the classifier is not asked.
  let interval: ClosedRange<Double>
  let logProbability: LogProbability
  public var noiseLevelRange: NoiseLevelRange { base.noiseLevelRange }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    var p = base.predict(x, at: levels)
    guard levels.contains(where: { strength(at: $0) != 0 }) else { return p }
    let gradient = gradient(x, levels.timesteps(for: x)) * levels.column(strength, like: x)
    let signal = levels.column({ $0.alpha > 0 ? $0.sigma * $0.sigma / $0.alpha : 0 }, like: x)
    p.shift = ClassifierShift(gradient: gradient, unguidedX0: p.x0)
    p.x0 = p.x0 + signal * gradient
    p.epsilon = p.epsilon - levels.column(\.sigma, like: x) * gradient
    return p
  }

  private func strength(at level: NoiseLevel) -> Double {
    level.alpha > 0 && interval.contains(level.sigma / level.alpha) ? scale : 0
  }

  /// ∇ₓ log p(y | x), of x's shape and dtype.
  private func gradient(_ x: Tensor, _ timesteps: Tensor) -> Tensor {
    withGradient {
      let leaf = x.detach().requiringGradient()
      do throws(TorchFault) {
        let gradient = try logProbability(leaf, timesteps).sum().gradients(of: [leaf])[0]
        return gradient ?? x.failed("guidance", "the classifier's log-probability does not depend on the images")
      } catch {
        return Tensor(failing: error)
      }
    }
  }
}

extension Denoiser {
  /// This denoiser, guided by a classifier.
  /// - Parameters:
  ///   - scale: s: 1 follows p(x | y), more exaggerates it.
  ///   - interval: the noise over signal, σ / α, at which it guides. The shift of x₀ grows with σ² / α, so that guidance by a classifier
  ///     in much noise leads solvers of higher order astray.
  public func guided(
    by logProbability: @escaping LogProbability, scale: Double, interval: ClosedRange<Double> = 0...Double.infinity
  ) -> ClassifierGuidance<Self> {
    ClassifierGuidance(base: self, scale: scale, interval: interval, logProbability: logProbability)
  }
}
