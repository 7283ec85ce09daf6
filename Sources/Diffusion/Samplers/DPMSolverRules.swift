/// How DPM-Solver's second-order step weighs the slope of the estimates.
public enum DPMSolverType: String, Sendable, Codable, CaseIterable {
  /// As if it stood in the middle of the step: μ₀ / 2.
  case midpoint
  /// By its exact integral, μ₁.
  case heun
}

/// How DPM-Solver's third-order step weighs the curvature of the estimates, their second divided difference.
public enum DPMSolverCurvature: String, Sendable, Codable, CaseIterable {
  /// By its exact integral, μ₂, which makes the step third order.
  case exact
  /// By half of it, which leaves the method second order: as the authors' program and diffusers do.
  case half
}

/// The rules that the multistep DPM-Solvers share, in diffusers' words.
struct DPMSolverRules {
  let order: Int
  let solverType: DPMSolverType
  var curvature = DPMSolverCurvature.exact
  let lowerOrderFinal: Bool
  let eulerAtFinal: Bool

  /// Fewer steps than these are few.
  static let fewSteps = 15

  /// What the integral of 1, c, c² is taken for over a step, as many as the order of the step.
  func moments(_ z: Double, over step: ExponentialStep, _ memory: MultistepMemory) -> [Double] {
    let first = exponentialMoment(0, z)
    switch memory.order(over: step, atMost: limit(memory)) {
    case 1: return [first]
    case 2: return [first, solverType == .midpoint ? first / 2 : exponentialMoment(1, z)]
    default: return [first, exponentialMoment(1, z), (curvature == .exact ? 1 : 0.5) * exponentialMoment(2, z)]
    }
  }

  /// The highest order at this point of the run.
  private func limit(_ memory: MultistepMemory) -> Int {
    if eulerAtFinal, memory.remaining == 1 { return 1 }
    return lowerOrderFinal && memory.steps < Self.fewSteps ? min(order, memory.remaining) : order
  }
}
