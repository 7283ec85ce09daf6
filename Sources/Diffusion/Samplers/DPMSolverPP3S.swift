import Tensors

/// One step of the third-order singlestep DPM-Solver++, with levels u and v at one and two thirds of the step in λ:
///
///     x_u = (σ_u / σ_t) x − α_u μ₀(−h/3) x̂₀(x, t)
///     x_v = (σ_v / σ_t) x − α_v [μ₀(−2h/3) x̂₀(x, t) + 2 μ₁(−2h/3) (x̂₀(x_u, u) − x̂₀(x, t))]
///     x_s = (σ_s / σ_t) x − α_s [μ₀(−h) x̂₀(x, t) + 3/2 μ₁(−h) (x̂₀(x_v, v) − x̂₀(x, t))],      h = λ_s − λ_t
///
/// with μ₀(z) = e^z − 1 and μ₁(z) = μ₀(z) / z − 1. Three evaluations a step, one in steps from pure noise and to σ = 0, which are
/// first order.
///
/// Lu et al., "DPM-Solver" (2022), Algorithm 2 (DPM-Solver-3), in the image instead of the noise.
public struct DPMSolverPP3S: SinglestepSampler {
  public static let name = "dpmpp_3s"
  public static let evaluationsPerStep = 3
  public var order: Int? { 3 }

  public init() {}

  public func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    var estimates = [Estimate(value: denoiser.predict(x, at: t).x0, level: t)]
    let step = ExponentialStep(from: t, to: s), scale = denoiser.noiseLevelRange
    if let u = step.level(at: 1 / 3, on: scale), let v = step.level(at: 2 / 3, on: scale), u.lambda < v.lambda {
      for level in [u, v] {
        let between = Self.linear(x, over: ExponentialStep(from: t, to: level), estimates)
        estimates = [estimates[0], Estimate(value: denoiser.predict(between, at: level).x0, level: level)]
      }
    }
    return Transition(x: Self.linear(x, over: step, estimates), x0: estimates.last!.value)
  }

  /// The step along the line through one or two estimates.
  private static func linear(_ x: Tensor, over step: ExponentialStep, _ estimates: [Estimate]) -> Tensor {
    step.mean(x, x0: estimates, moments: estimates.indices.map { exponentialMoment($0, -step.h) })
  }
}
