import Tensors

/// One step of the first-order DPM-Solver++:
///
///     x_s = (σ_s / σ_t) x − α_s (e^(−h) − 1) x̂₀,      h = λ_s − λ_t
///
/// Lu et al., "DPM-Solver++" (2022), eq. 12 with one term. The same step as DDIM's with η = 0 and as Euler's.
public struct DPMSolverPP1: SinglestepSampler {
  public static let name = "dpmpp_1"
  public var order: Int? { 1 }

  public init() {}

  public func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let x0 = denoiser.predict(x, at: t).x0
    let step = ExponentialStep(from: t, to: s)
    let next = step.mean(x, x0: [Estimate(value: x0, level: t)], moments: [exponentialMoment(0, -step.h)])
    return Transition(x: next, x0: x0)
  }
}
