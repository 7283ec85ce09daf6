import Foundation

/// The forward process in T steps and its posterior, in the symbols of Ho, Jain and Abbeel 2020; everything in Double.
///
/// Index t stands for t + 1 steps of noise: `t = 0` is one step, not none.
/// `respaced(keeping:)` gives the process that visits only some of the steps.
public struct DiscreteProcess: Sendable, Equatable {
  /// β_t, the variance of the noise that step t adds.
  public let betas: [Double]
  /// ᾱ_t = ∏ (1 − β_s) over s ≤ t.
  public let alphaBar: [Double]
  /// ᾱ_{t−1}, 1 at t = 0.
  public let alphaBarPrevious: [Double]
  /// ᾱ_{t+1}, 0 at the last t.
  public let alphaBarNext: [Double]

  /// β̃_t, the variance of q(x_{t−1} | x_t, x₀) (eq. 7); 0 at t = 0. As a model's variance: "fixed small".
  public let posteriorVariance: [Double]
  /// log β̃_t, where t = 0, whose variance is 0, takes the value of t = 1 (of a process of one step: log β₀).
  public let posteriorLogVarianceClipped: [Double]
  /// The weight of x₀ in the mean of q(x_{t−1} | x_t, x₀).
  public let posteriorMeanX0: [Double]
  /// The weight of x_t in the mean of q(x_{t−1} | x_t, x₀).
  public let posteriorMeanXt: [Double]
  /// β_t as a model's variance, "fixed large"; at t = 0 β̃₁, which gives a better likelihood (of a process of one step: β₀).
  public let fixedLargeVariance: [Double]

  /// For each t the step of the original process that it stands for.
  public let timestepMap: [Int]
  /// The number of steps of the process that the network was trained with.
  public let originalSteps: Int
  /// Whether the network is given timesteps as if there were 1000 of them.
  public let rescaleTimesteps: Bool

  private init(betas: [Double], alphaBar: [Double], timestepMap: [Int], originalSteps: Int, rescaleTimesteps: Bool) {
    let previous = [1] + alphaBar.dropLast()
    let steps = betas.indices
    let posterior = steps.map { betas[$0] * (1 - previous[$0]) / (1 - alphaBar[$0]) }
    let second = posterior.count > 1 ? posterior[1] : betas[0]
    self.betas = betas
    self.alphaBar = alphaBar
    alphaBarPrevious = previous
    alphaBarNext = alphaBar.dropFirst() + [0]
    posteriorVariance = posterior
    posteriorLogVarianceClipped = ([second] + posterior.dropFirst()).map { log($0) }
    posteriorMeanX0 = steps.map { betas[$0] * previous[$0].squareRoot() / (1 - alphaBar[$0]) }
    posteriorMeanXt = steps.map { (1 - previous[$0]) * (1 - betas[$0]).squareRoot() / (1 - alphaBar[$0]) }
    fixedLargeVariance = [second] + betas.dropFirst()
    self.timestepMap = timestepMap
    self.originalSteps = originalSteps
    self.rescaleTimesteps = rescaleTimesteps
  }

  /// T.
  public var steps: Int { betas.count }

  // MARK: Levels

  /// The level of images after t + 1 steps of noise.
  public func level(_ t: Int) -> NoiseLevel {
    NoiseLevel(alpha: alphaBar[t].squareRoot(), sigma: (1 - alphaBar[t]).squareRoot(), timestep: networkTimestep(t))
  }

  /// The levels of some steps, in their order.
  public func levels(_ timesteps: [Int]) -> [NoiseLevel] { timesteps.map { level($0) } }

  /// The timestep for the network at t. The product is formed in float32, as networks that were trained with it saw it.
  private func networkTimestep(_ t: Int) -> Double {
    let step = Float(timestepMap[t])
    return Double(rescaleTimesteps ? step * Float(1000 / Double(originalSteps)) : step)
  }

  // MARK: Fewer steps

  /// The process that visits only some of the steps, with the same images at each: β'_i = 1 − ᾱ_{t_i} / ᾱ_{t_{i−1}}.
  ///
  /// - Parameter timesteps: indices of this process, ascending. The network is still given the original steps.
  public func respaced(keeping timesteps: [Int]) throws(DiffusionError) -> DiscreteProcess {
    let ascending = zip(timesteps, timesteps.dropFirst()).allSatisfy { $0 < $1 }
    guard let first = timesteps.first, let last = timesteps.last, ascending, first >= 0, last < steps else {
      throw .impossibleTimesteps(timesteps, total: steps)
    }
    let kept = timesteps.map { alphaBar[$0] }
    return DiscreteProcess(
      betas: Self.ratioComplements(kept), alphaBar: kept, timestepMap: timesteps.map { timestepMap[$0] },
      originalSteps: originalSteps, rescaleTimesteps: rescaleTimesteps)
  }

  /// The process that visits the steps of a spacing.
  /// - Parameter steps: how many; nil where the spacing determines it, and otherwise for all.
  public func respaced(_ spacing: Spacing, steps: Int? = nil) throws(DiffusionError) -> DiscreteProcess {
    try respaced(keeping: spacing.timesteps(of: self.steps, steps: steps))
  }
}

// MARK: Making one

extension DiscreteProcess {
  /// - Parameters:
  ///   - betas: each in (0, 1]; a last one of 1 ends in pure noise. In `Float` they give ᾱ rounded to float32, as diffusers' tables
  ///     are; everything else is computed from those in Double.
  ///   - rescaleTimesteps: gives the network `step · 1000 / T` instead of the step, so that one trained with another T fits.
  public init<Real: BinaryFloatingPoint>(betas: [Real], rescaleTimesteps: Bool = false) throws(DiffusionError) {
    try Self.check(betas)
    self.init(
      betas: betas.map { Double($0) }, alphaBar: Self.runningProduct(betas.map { 1 - $0 }).map { Double($0) },
      timestepMap: Array(betas.indices), originalSteps: betas.count, rescaleTimesteps: rescaleTimesteps)
  }

  /// The process of given cumulative products; ᾱ is taken as it is.
  ///
  /// - Parameters:
  ///   - alphaBar: ᾱ_t for t = 0 … T − 1, descending within [0, 1); 0 at most at the end.
  ///   - rescaleTimesteps: as for betas.
  public init(alphaBar: [Double], rescaleTimesteps: Bool = false) throws(DiffusionError) {
    guard !alphaBar.isEmpty else { throw .noBetas }
    try Self.check(steps: alphaBar.count)
    for (index, (value, previous)) in zip(alphaBar, [1] + alphaBar.dropLast()).enumerated() where !(value >= 0 && value < previous) {
      throw .alphaBarDoesNotDescend(index: index, value: value, previous: previous)
    }
    self.init(
      betas: Self.ratioComplements(alphaBar), alphaBar: alphaBar, timestepMap: Array(alphaBar.indices),
      originalSteps: alphaBar.count, rescaleTimesteps: rescaleTimesteps)
  }

  /// The most steps that a process may have: a recipe or a model's metadata decide over no more memory than their tables take.
  public static let stepLimit = 100_000
  static let possibleSteps = 1...stepLimit

  /// - Throws: for a number of steps that no process has; schedules ask before they make anything of that length.
  static func check(steps: Int) throws(DiffusionError) {
    guard possibleSteps.contains(steps) else { throw .stepsOutOfRange(steps) }
  }

  /// - Throws: for no betas, and for one that is no variance or too small to make a difference to 1.
  static func check<Real: BinaryFloatingPoint>(_ betas: [Real]) throws(DiffusionError) {
    guard !betas.isEmpty else { throw .noBetas }
    try check(steps: betas.count)
    for (index, beta) in betas.enumerated() {
      guard beta > 0, beta <= 1 else { throw .betaOutOfRange(index: index, value: Double(beta)) }
      guard 1 - beta < 1 else { throw .betaVanishes(index: index, value: Double(beta)) }
    }
  }

  /// Multiplied up in order and in Double, as PyTorch's `cumprod` does, each product rounded to `Real`.
  static func runningProduct<Real: BinaryFloatingPoint>(_ factors: [Real]) -> [Real] {
    var product = 1.0
    return factors.map { factor in
      product *= Double(factor)
      return Real(product)
    }
  }

  /// β_t = 1 − ᾱ_t / ᾱ_{t−1}.
  private static func ratioComplements(_ alphaBar: [Double]) -> [Double] {
    zip(alphaBar, [1] + alphaBar.dropLast()).map { 1 - $0 / $1 }
  }
}
