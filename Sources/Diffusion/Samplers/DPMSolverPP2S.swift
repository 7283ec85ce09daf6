import Tensors

/// One step of the second-order singlestep DPM-Solver++: the estimate in the middle of the step, in λ, stands for all of it,
///
///     x_u = (σ_u / σ_t) x − α_u (e^(−h/2) − 1) x̂₀(x, t),      x_s = (σ_s / σ_t) x − α_s (e^(−h) − 1) x̂₀(x_u, u),      h = λ_s − λ_t
///
/// Two evaluations a step, one in steps from pure noise and to σ = 0, which are first order.
///
/// Lu et al., "DPM-Solver++" (2022), Algorithm 1 with r₁ = 1/2.
public struct DPMSolverPP2S: SinglestepSampler {
  public static let name = "dpmpp_2s"
  public static let evaluationsPerStep = 2
  public var order: Int? { 2 }

  public init() {}

  public func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let start = Estimate(value: denoiser.predict(x, at: t).x0, level: t)
    let step = ExponentialStep(from: t, to: s), whole = exponentialMoment(0, -step.h)
    guard let u = step.level(at: 1 / 2, on: denoiser.noiseLevelRange) else {
      return Transition(x: step.mean(x, x0: [start], moments: [whole]), x0: start.value)
    }
    let middle = ExponentialStep(from: t, to: u)
    let xu = middle.mean(x, x0: [start], moments: [exponentialMoment(0, -middle.h)])
    let x0 = denoiser.predict(xu, at: u).x0
    // The line through both estimates, taken in the middle: the second one alone but where u is not quite there.
    let next = step.mean(x, x0: [start, Estimate(value: x0, level: u)], moments: [whole, whole / 2])
    return Transition(x: next, x0: x0)
  }
}

extension ExponentialStep {
  /// The level at a part of the way, of those at which the denoiser can be asked; nil where there is none between the ends.
  func level(at part: Double, on scale: NoiseLevelRange) -> NoiseLevel? {
    guard isRegular else { return nil }
    let level = scale.level(lambda: t.lambda + part * h)
    return t.lambda < level.lambda && level.lambda < s.lambda ? level : nil
  }
}
