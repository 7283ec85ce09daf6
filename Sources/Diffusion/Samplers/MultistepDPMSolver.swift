import Tensors

/// A multistep DPM-Solver: a polynomial through the last estimates is integrated exactly over each step.
///
/// Its members differ in the order, in what is integrated, the image (DPM-Solver++) or the noise (DPM-Solver), and in whether they
/// follow the ODE or the SDE. Their options are recipe keys, named as in diffusers.
///
/// Lu et al., "DPM-Solver" (2022) and "DPM-Solver++" (2022).
public protocol MultistepDPMSolver: Sampler where Memory == MultistepMemory {
  /// 2 or 3: how many estimates a step uses at most.
  static var solverOrder: Int { get }
  /// Which estimate is integrated.
  static var integrand: DPMSolverIntegrand { get }

  /// How second-order steps weigh the slope.
  var solverType: DPMSolverType { get set }
  /// How third-order steps weigh the curvature.
  var curvature: DPMSolverCurvature { get }
  /// Whether the last steps of fewer than 15 are of lower order also where they end with noise left.
  var lowerOrderFinal: Bool { get set }
  /// Whether the last step is first order however many there are.
  var eulerAtFinal: Bool { get set }
  /// η, the share of the reverse process's noise that is added; 0 follows the ODE. Only solvers that integrate the image have it.
  var eta: Double { get }
}

/// What a DPM-Solver integrates.
public enum DPMSolverIntegrand: Sendable { case image, noise }

/// How DPM-Solver's second-order step weighs the slope of the estimates.
public enum DPMSolverType: String, Sendable, Codable, CaseIterable {
  /// Evaluated at the middle of the step: μ₀ / 2.
  case midpoint
  /// The exact integral, μ₁.
  case heun
}

/// How DPM-Solver's third-order step weighs the curvature of the estimates, their second divided difference.
public enum DPMSolverCurvature: String, Sendable, Codable, CaseIterable {
  /// The exact integral, μ₂, which makes the step third order.
  case exact
  /// Half of the integral, which leaves the method second order, as in the authors' program and diffusers.
  case half
}

extension MultistepDPMSolver {
  public static var integrand: DPMSolverIntegrand { .image }
  public var curvature: DPMSolverCurvature { .exact }
  public var eta: Double { 0 }

  public var order: Int? { Self.solverOrder == 2 || curvature == .half || eulerAtFinal ? 2 : 3 }
  public var coldStartOrder: Int? { 2 }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout MultistepMemory, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    let p = denoiser.predict(x, at: t), step = ExponentialStep(from: t, to: s)
    defer { memory.end(keeping: Self.solverOrder - 1) }
    switch Self.integrand {
    case .image:
      memory.begin(p.x0, at: t, keeping: Self.solverOrder)
      return Transition(x: imageStep(x, over: step, memory: memory, noise: noise), x0: p.x0)
    case .noise:
      memory.begin(p.epsilon, at: t, keeping: Self.solverOrder)
      return Transition(x: noiseStep(p, over: step, memory: memory), x0: p.x0)
    }
  }

  /// x_s from the estimates of x₀, by the SDE with η or, where no noise may be added, by the ODE.
  private func imageStep(_ x: Tensor, over step: ExponentialStep, memory: MultistepMemory, noise: StepNoise) -> Tensor {
    let eta = noise.allowed(eta)
    let moments = moments(-(1 + eta) * step.h, over: step, memory)
    let mean = step.mean(x, x0: memory.estimates, moments: moments, eta: eta)
    return noise.added(to: mean, deviation: step.deviation(eta: eta))
  }

  /// x_s from the estimates of ε, of which the newest is that of the prediction.
  private func noiseStep(_ p: Prediction, over step: ExponentialStep, memory: MultistepMemory) -> Tensor {
    let moments = moments(step.h, over: step, memory)
    // With ε̂ alone, and finite where the level has no signal.
    let first = p.eulerStep(to: step.s)
    guard moments.count > 1 else { return first }
    return first - step.s.sigma * step.integral(of: memory.estimates, moments: [0] + moments.dropFirst())
  }

  /// The integrals of 1, c, c² over a step, as many as the order of the step.
  private func moments(_ z: Double, over step: ExponentialStep, _ memory: MultistepMemory) -> [Double] {
    let first = exponentialMoment(0, z)
    switch memory.order(over: step, atMost: highestOrder(memory)) {
    case 1: return [first]
    case 2: return [first, solverType == .midpoint ? first / 2 : exponentialMoment(1, z)]
    default: return [first, exponentialMoment(1, z), (curvature == .exact ? 1 : 0.5) * exponentialMoment(2, z)]
    }
  }

  /// The highest order at this point of the run. Runs of fewer than 15 steps end in steps of lower order.
  private func highestOrder(_ memory: MultistepMemory) -> Int {
    if eulerAtFinal, memory.remaining == 1 { return 1 }
    return lowerOrderFinal && memory.steps < 15 ? min(Self.solverOrder, memory.remaining) : Self.solverOrder
  }
}
