import NN
import RecipeKit
import Tensors

/// What Adam and AdamW share, which is all but what weight decay is: for each parameter the running means of its gradient and of the gradient's
/// square, and the step that they give (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015).
public class AdamOptimizer: Optimizer {
  public let parameters: [Tensor]
  private let names: [String]
  private let moments: [InPlace.Moments]
  private let recipe: any AdamRecipe
  /// Indices of parameters with one weight decay, and that decay: one group unless some are left out.
  private let groups: [(indices: [Int], weightDecay: Double)]

  init(_ parameters: [(name: String, parameter: Parameter)], _ recipe: some AdamRecipe) {
    names = parameters.map(\.name)
    let tensors = parameters.map(\.parameter.value)
    self.parameters = tensors
    moments = tensors.map { InPlace.Moments(of: $0) }
    self.recipe = recipe
    let decayed = tensors.indices.filter { recipe.decays(tensors[$0]) }
    let others = tensors.indices.filter { !recipe.decays(tensors[$0]) }
    groups = [(decayed, recipe.weightDecay), (others, 0)].filter { !$0.0.isEmpty }
  }

  public func step(
    learningRate: Double, gradientScale: Double, updating average: ExponentialMovingAverage?
  ) throws(TorchFault) {
    var step = InPlace.AdamStep(learningRate: learningRate, betas: (recipe.beta1, recipe.beta2), eps: recipe.eps)
    step.gradientScale = gradientScale
    if let average { step.averageRate = average.nextRate }
    for (indices, weightDecay) in groups {
      if type(of: recipe).decouplesDecay { step.weightDecay = weightDecay } else { step.penalty = weightDecay }
      try InPlace.adam(
        indices.map { parameters[$0] }, indices.map { moments[$0] }, step,
        averages: average.map { average in indices.map { average.averages[$0] } })
    }
    average?.didUpdate()
  }

  /// A snapshot of the running means, under `first.`, `second.` and `steps.` before the parameters' names: the same names for Adam and AdamW, so
  /// that a run can change between them.
  public func stateDict() -> StateDict {
    StateDict(
      zip(names, moments).flatMap { name, moments in
        [
          ("first.\(name)", moments.first.clone()), ("second.\(name)", moments.second.clone()),
          ("steps.\(name)", moments.steps.clone()),
        ]
      })
  }

  /// - Throws: `StateMismatch`; nothing is changed then.
  public func load(_ dict: StateDict) throws {
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
  /// Whether weight decay is kept free of the running means; else it is a part of the gradient.
  static var decouplesDecay: Bool { get }
  var beta1: Double { get }
  var beta2: Double { get }
  var eps: Double { get }
  var weightDecay: Double { get }
  var decayNormsAndBiases: Bool { get }
}

extension AdamRecipe {
  /// Whether weight decay applies to a parameter: biases and the scales of norms have one axis, everything else has more.
  fileprivate func decays(_ parameter: Tensor) -> Bool { weightDecay > 0 && (decayNormsAndBiases || parameter.rank > 1) }

  func validateAdam() throws(RecipeError) {
    for (key, value) in [("beta1", beta1), ("beta2", beta2)] {
      try require(value >= 0 && value < 1, key, "expected at least 0 and below 1, found \(value)")
    }
    try require(eps > 0 && eps.isFinite, "eps", "expected more than 0, found \(eps)")
    try require(weightDecay >= 0 && weightDecay.isFinite, "weight_decay", "expected 0 or more, found \(weightDecay)")
  }
}
