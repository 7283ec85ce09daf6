import NN
import RecipeKit
import Tensors

/// What Adam and AdamW share: for each parameter the running means of its gradient and of the gradient's square, and the step that
/// they give.
final class AdamMoments {
  let parameters: [Tensor]
  private let names: [String]
  private let moments: [InPlace.Moments]

  init(_ parameters: [(name: String, parameter: Parameter)]) {
    names = parameters.map(\.name)
    self.parameters = parameters.map(\.parameter.value)
    moments = self.parameters.map { InPlace.Moments(of: $0) }
  }

  /// One step for the parameters with these indices that have a gradient, and an update of the averages of all with these indices.
  func step(_ indices: [Int], _ step: InPlace.AdamStep, updating average: ExponentialMovingAverage?) throws(TorchFault) {
    var step = step
    if let average { step.averageRate = average.nextRate }
    try InPlace.adam(
      indices.map { parameters[$0] }, indices.map { moments[$0] }, step,
      averages: average.map { average in indices.map { average.averages[$0] } })
  }

  /// The running means, under `first.`, `second.` and `steps.` before the parameters' names.
  func stateDict() -> StateDict {
    StateDict(
      zip(names, moments).flatMap { name, moments in
        [
          ("first.\(name)", moments.first.clone()), ("second.\(name)", moments.second.clone()),
          ("steps.\(name)", moments.steps.clone()),
        ]
      })
  }

  /// - Throws: `StateMismatch`; nothing is changed then.
  func load(_ dict: StateDict) throws {
    let expected = zip(names, moments).flatMap { name, moments in
      [("first.\(name)", moments.first.shape), ("second.\(name)", moments.second.shape), ("steps.\(name)", moments.steps.shape)]
    }
    try StateMismatch.check(expected: expected, found: dict)
    for (name, moments) in zip(names, moments) {
      try InPlace.copy(dict["first.\(name)"]!, into: moments.first)
      try InPlace.copy(dict["second.\(name)"]!, into: moments.second)
      try InPlace.copy(dict["steps.\(name)"]!, into: moments.steps)
    }
  }
}

/// What the recipes of Adam and AdamW have in common.
protocol AdamRecipe: OptimizerRecipe {
  var beta1: Double { get }
  var beta2: Double { get }
  var eps: Double { get }
  var weightDecay: Double { get }
  var decayNormsAndBiases: Bool { get }
}

extension AdamRecipe {
  func step(learningRate: Double, gradientScale: Double) -> InPlace.AdamStep {
    var step = InPlace.AdamStep(learningRate: learningRate, betas: (beta1, beta2), eps: eps)
    step.gradientScale = gradientScale
    return step
  }

  /// Indices of parameters with one weight decay, and that decay: one group unless some are left out.
  func groups(of parameters: [Tensor]) -> [(indices: [Int], weightDecay: Double)] {
    let decayed = parameters.indices.filter { decays(parameters[$0]) }
    let others = parameters.indices.filter { !decays(parameters[$0]) }
    return [(decayed, weightDecay), (others, 0)].filter { !$0.0.isEmpty }
  }

  /// Whether weight decay applies to a parameter: biases and the scales of norms have one axis, everything else has more.
  private func decays(_ parameter: Tensor) -> Bool { weightDecay > 0 && (decayNormsAndBiases || parameter.rank > 1) }

  func validateAdam() throws(RecipeError) {
    for (key, value) in [("beta1", beta1), ("beta2", beta2)] {
      try require(value >= 0 && value < 1, key, "expected at least 0 and below 1, found \(value)")
    }
    try require(eps > 0 && eps.isFinite, "eps", "expected more than 0, found \(eps)")
    try require(weightDecay >= 0 && weightDecay.isFinite, "weight_decay", "expected 0 or more, found \(weightDecay)")
  }
}
