import Tensors

/// The state of a multistep method: its estimates, and the number of steps to come.
public struct MultistepMemory {
  /// The newest first.
  private(set) var estimates: [Estimate] = []
  /// The steps of the whole descent.
  let steps: Int
  private var taken = 0

  init(_ levels: [NoiseLevel]) { steps = levels.count - 1 }

  /// The number of the step at hand, from 0.
  var index: Int { taken - 1 }
  /// The steps to come, the one at hand included.
  var remaining: Int { steps - index }

  /// Begins a step with the denoiser's estimate.
  /// - Parameter count: how many estimates are of use.
  mutating func begin(_ value: Tensor, at level: NoiseLevel, keeping count: Int) {
    estimates = [Estimate(value: value, level: level)] + estimates.prefix(count - 1)
    taken += 1
  }

  /// Drops what no later step uses.
  mutating func end(keeping count: Int) { estimates = Array(estimates.prefix(count)) }

  /// Exchanges the estimates' tensors, not their levels.
  mutating func replaceValues(_ values: [Tensor]) {
    estimates = zip(estimates, values).map { Estimate(value: $1, level: $0.level) }
  }

  /// The highest order that the estimates allow: all of their levels must have signal, and differ.
  func order(over step: ExponentialStep, atMost limit: Int) -> Int {
    guard step.isRegular else { return 1 }
    let lambdas = estimates.map(\.level.lambda)
    var order = 1
    while order < min(limit, lambdas.count), lambdas[order].isFinite, lambdas[order] < lambdas[order - 1] { order += 1 }
    return order
  }
}

extension Sampler where Memory == MultistepMemory {
  public func makeMemory(for levels: [NoiseLevel]) -> MultistepMemory { MultistepMemory(levels) }
}
