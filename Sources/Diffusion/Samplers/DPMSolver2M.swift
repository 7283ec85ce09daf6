import Tensors

/// One step of the second-order multistep DPM-Solver, which integrates the noise where DPM-Solver++ integrates the image:
///
///     x_s = (α_s / α_t) x − σ_s (e^h − 1) (ε̂ + D₁ / 2),      D₁ = (ε̂ − ε̂ʹ) h / (λ_t − λʹ),      h = λ_s − λ_t
///
/// where ε̂ʹ is the estimate of the step before, made at λʹ. First order, and written α_s x̂₀ + σ_s ε̂, where `DPMSolverPP2M` is.
/// Second order from a cold start too. Less stable than that one under strong guidance.
///
/// Lu et al., "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model Sampling in Around 10 Steps" (2022); the multistep
/// form: "DPM-Solver++" (2022), appendix; in diffusers `algorithm_type: dpmsolver`.
public struct DPMSolver2M: Sampler {
  public static let name = "dpmsolver_2m"
  public var order: Int? { 2 }

  /// How D₁ is weighed; `heun` has (e^h − 1) / h − 1 in the place of (e^h − 1) / 2.
  public var solverType = DPMSolverType.midpoint
  /// Whether the last of fewer than 15 steps is first order also where it ends with noise left.
  public var lowerOrderFinal = true
  /// Whether the last step is first order however many there are.
  public var eulerAtFinal = false

  public init() {}

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout MultistepMemory, denoiser: some Denoiser,
    noise: inout (some NoiseSource)?
  ) -> Transition {
    let p = denoiser.predict(x, at: t)
    memory.begin(p.epsilon, at: t, keeping: 2)
    return Transition(x: rules.noiseStep(p, from: t, to: s, memory), x0: p.x0)
  }

  private var rules: DPMSolverRules {
    DPMSolverRules(order: 2, solverType: solverType, lowerOrderFinal: lowerOrderFinal, eulerAtFinal: eulerAtFinal)
  }
}

extension DPMSolverRules {
  /// x_s from the estimates of ε, of which the newest is that of the prediction.
  func noiseStep(_ p: Prediction, from t: NoiseLevel, to s: NoiseLevel, _ memory: MultistepMemory) -> Tensor {
    let step = ExponentialStep(from: t, to: s)
    let moments = moments(step.h, over: step, memory)
    // With ε̂ alone, and finite where the level has no signal.
    let first = p.eulerStep(to: s)
    guard moments.count > 1 else { return first }
    return first - s.sigma * step.integral(of: memory.estimates, moments: [0] + moments.dropFirst())
  }
}
