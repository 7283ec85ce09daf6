import RecipeKit
import Tensors

/// One step of UniPC: the images at `t` are corrected by the estimate just made there, then predicted at `s`,
///
///     x_s = (σ_s / σ_t) x − α_s I,      I = z ∫₀¹ e^(z(1−c)) P(c) dc,   z = λ_t − λ_s
///
/// where P runs through the last p estimates of x₀, and for the correction, which takes the step before anew, through the new one
/// too. Correcting costs no evaluation and raises the order from p to p + 1. The last step is never corrected.
///
/// Where P is a line its slope is weighed by B/2 instead of the integral, B = z (`bh1`) or e^z − 1 (`bh2`). The first steps have
/// fewer estimates: from a cold start the order is 3 at most. Steps from pure noise and to σ = 0 are first order.
///
/// Zhao et al., "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models" (2023), Algorithms 1 and 2 in
/// data prediction. B cancels where the weights solve the paper's linear system, which then is that of the polynomial.
public struct UniPC: Sampler {
  public static let name = "unipc"

  /// B of the paper.
  public enum SolverType: String, Sendable, Codable, CaseIterable {
    /// z, better without guidance and in few steps.
    case bh1
    /// e^z − 1.
    case bh2
  }

  /// p, 1 to 3.
  public var solverOrder = 2
  public var solverType = SolverType.bh2
  /// Whether p falls to 1 over the last steps, also where they end with noise left; makes the order 2.
  public var lowerOrderFinal = true
  /// The steps, from 0, that are not corrected; the first ones, say, under strong guidance.
  public var disableCorrector: [Int] = []

  public var order: Int? { lowerOrderFinal ? 2 : solverOrder + 1 }
  public var coldStartOrder: Int? { order.map { min($0, 3) } }

  public struct Memory {
    var past: MultistepMemory
    /// Where the step before started from, once corrected, and its p.
    var start: (x: Tensor, order: Int)?
  }

  public init() {}
  public func makeMemory(for levels: [NoiseLevel]) -> Memory { Memory(past: MultistepMemory(levels)) }

  public func validate() throws(RecipeError) {
    try require((1...3).contains(solverOrder), "solver_order", "expected 1 to 3, found \(solverOrder)")
    let refused = disableCorrector.first { $0 < 0 }
    try require(refused == nil, "disable_corrector", "expected steps counted from 0, found \(refused ?? 0)")
  }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Memory, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    let x0 = denoiser.predict(x, at: t).x0
    let start = corrected(by: Estimate(value: x0, level: t), memory) ?? x
    memory.past.begin(x0, at: t, keeping: solverOrder)
    let step = ExponentialStep(from: t, to: s)
    let limit = lowerOrderFinal ? min(solverOrder, memory.past.remaining) : solverOrder
    let order = memory.past.order(over: step, atMost: limit)
    memory.start = (start, order)
    let next = step.mean(start, x0: memory.past.estimates, moments: moments(-step.h, order))
    return Transition(x: next, x0: x0)
  }

  /// The images at the level of an estimate, by the step before taken anew with it; nil where that is not to be corrected.
  private func corrected(by estimate: Estimate, _ memory: Memory) -> Tensor? {
    guard let start = memory.start, let last = memory.past.estimates.first else { return nil }
    let step = ExponentialStep(from: last.level, to: estimate.level)
    guard step.isRegular, !disableCorrector.contains(memory.past.index) else { return nil }
    let estimates = memory.past.estimates.prefix(start.order) + [estimate]
    return step.mean(start.x, x0: Array(estimates), moments: moments(-step.h, estimates.count))
  }

  /// What the integral of 1, c, c², … is taken for.
  private func moments(_ z: Double, _ count: Int) -> [Double] {
    let first = exponentialMoment(0, z)
    if count == 2 { return [first, (solverType == .bh1 ? z : first) / 2] }
    return [first] + (1..<count).map { exponentialMoment($0, z) }
  }
}
