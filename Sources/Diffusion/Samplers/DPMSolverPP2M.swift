import Tensors

/// One step of the second-order multistep DPM-Solver++, from the level `t` to the cleaner level `s`:
///
///     x_s = (σ_s / σ_t) x + (α_s − α_t σ_s / σ_t) D,      D = (1 + 1/2r) x̂₀ − (1/2r) x̂₀ʹ,      r = (λ_t − λʹ) / (λ_s − λ_t)
///
/// where x̂₀ʹ is the estimate of the step before, made at λʹ. D is x̂₀ alone, which is first order, in the first step and in
/// the last, to σ = 0, where λ is infinite; and where the level before had no signal. Ten to twenty steps suffice.
///
/// Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models" (2022), Algorithm 2;
/// its factor −α_s (e^(−h) − 1) is written without h, which is infinite where t has no signal.
public struct DPMSolverPP2M: Sampler {
  public static let name = "dpmpp_2m"
  public static let order: Int? = 2

  public struct Memory {
    /// The estimate of the step before and the level at which it was made.
    var last: (x0: Tensor, level: NoiseLevel)?
  }

  public init() {}
  public func makeMemory(for levels: [NoiseLevel]) -> Memory { Memory() }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Memory, denoiser: some Denoiser, noise: inout (some NoiseSource)?
  ) -> Transition {
    let x0 = denoiser.predict(x, at: t).x0
    var d = x0
    if let last = memory.last, s.sigma > 0 {
      let r = (t.lambda - last.level.lambda) / (s.lambda - t.lambda)
      if r.isFinite { d = (1 + 1 / (2 * r)) * x0 - (1 / (2 * r)) * last.x0 }
    }
    memory.last = (x0, t)
    let ratio = s.sigma / t.sigma
    return Transition(x: ratio * x + (s.alpha - t.alpha * ratio) * d, x0: x0)
  }
}
