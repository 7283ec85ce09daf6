import RecipeKit
import Tensors

/// Timesteps are as likely as their losses are large, p_t ∝ √E[L_t²], which makes the loss least noisy; importance weights
/// 1 / (T p_t) keep its expectation. For `kl` and `rescaled_kl`, whose terms differ by orders of magnitude.
///
/// Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models" (2021), eq. 18; the last losses of each timestep
/// stand for the expectation, and until every timestep has enough of them all are equally likely.
public struct LossSecondMoment: TimestepSampling {
  public static let name = "loss_second_moment"
  /// How many losses of each timestep are kept, 1 to 100: for the longest process, of 100,000 timesteps, these are 80 MB in memory and in
  /// every checkpoint.
  public var historyPerTerm = 10
  /// The share of draws that is uniform, so that no timestep is forgotten.
  public var uniformProb = 0.001

  public init() {}

  public func validate() throws(RecipeError) {
    try require((1...100).contains(historyPerTerm), "history_per_term", "expected 1 to 100, found \(historyPerTerm)")
    try require(uniformProb > 0 && uniformProb <= 1, "uniform_prob", "expected above 0 and at most 1, found \(uniformProb)")
  }

  public func makeSampler(for process: DiscreteProcess) -> any TimestepSampler {
    LossSecondMomentSampler(steps: process.steps, historyPerTerm: historyPerTerm, uniformProbability: uniformProb)
  }
}

/// The state of `LossSecondMoment`.
public struct LossSecondMomentSampler: TimestepSampler {
  public let historyPerTerm: Int
  let uniformProbability: Double
  /// The last losses of each timestep, oldest first.
  public private(set) var history: [[Double]]

  init(steps: Int, historyPerTerm: Int, uniformProbability: Double) {
    self.historyPerTerm = historyPerTerm
    self.uniformProbability = uniformProbability
    history = Array(repeating: [], count: steps)
  }

  /// Whether every timestep has a full history.
  public var isWarm: Bool { history.allSatisfy { $0.count == historyPerTerm } }

  /// The probability of each timestep; they add up to 1.
  public var probabilities: [Double] {
    let even = 1 / Double(history.count)
    guard isWarm else { return history.map { _ in even } }
    let roots = history.map { losses in (losses.reduce(0) { $0 + $1 * $1 } / Double(losses.count)).squareRoot() }
    let total = roots.reduce(0, +)
    // Losses of zero alone, or so large that their squares overflow, carry no information.
    guard total > 0, total.isFinite else { return history.map { _ in even } }
    return roots.map { $0 / total * (1 - uniformProbability) + uniformProbability * even }
  }

  public func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw {
    let probabilities = probabilities
    var sum = 0.0
    let cumulative = probabilities.map { probability in
      sum += probability
      return sum
    }
    let timesteps = try Tensor.rand([count], dtype: .float64, using: generator).doubles().map { number in
      min(cumulative.partitioningIndex { $0 > number * sum }, cumulative.count - 1)
    }
    return TimestepDraw(timesteps, weights: timesteps.map { Self.importance(of: probabilities[$0], among: cumulative.count) })
  }

  static func importance(of probability: Double, among steps: Int) -> Double { 1 / (Double(steps) * probability) }

  public mutating func learn(from losses: [Double], at timesteps: [Int]) {
    for (loss, timestep) in zip(losses, timesteps) where loss.isFinite {
      if history[timestep].count == historyPerTerm { history[timestep].removeFirst() }
      history[timestep].append(loss)
    }
  }

  // MARK: State

  private static let lossesName = "losses", countsName = "counts"

  /// `losses`: `[T, history]` float64, oldest first, then zeros; `counts`: `[T]` int64, how many of each row count.
  public var state: StateDict {
    let rows = history.flatMap { $0 + Array(repeating: 0, count: historyPerTerm - $0.count) }
    return StateDict([
      (Self.lossesName, Tensor(rows, [history.count, historyPerTerm])), (Self.countsName, Tensor(history.map(\.count))),
    ])
  }

  public mutating func restore(_ state: StateDict) throws {
    let shape = [history.count, historyPerTerm]
    guard let losses = state[Self.lossesName], let counts = state[Self.countsName], state.count == 2, losses.shape == shape,
      counts.shape == [history.count], losses.dtype == .float64, counts.dtype == .int64
    else { throw DiffusionError.foreignSamplerState(found: state.names, expected: "losses \(shape) and counts [\(history.count)]") }
    let numbers = try losses.doubles(), lengths = try counts.ints()
    guard lengths.allSatisfy({ (0...historyPerTerm).contains($0) }), numbers.allSatisfy(\.isFinite) else {
      throw DiffusionError.foreignSamplerState(found: state.names, expected: "counts of 0 to \(historyPerTerm) and finite losses")
    }
    history = lengths.enumerated().map { row, length in Array(numbers[(row * historyPerTerm)...].prefix(length)) }
  }
}
