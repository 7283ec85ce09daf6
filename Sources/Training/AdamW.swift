import NN
import RecipeKit
import Tensors

/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019) over all parameters in one operation.
public final class AdamW {
  public struct Recipe: RecipeKit.Recipe, Equatable {
    /// Decay rates of the running means of the gradient and of its square.
    public var beta1 = 0.9, beta2 = 0.999
    public var eps = 1e-8
    /// Each step takes this share, times the learning rate, off every parameter.
    public var weightDecay = 0.0
    public init() {}

    public func validate() throws(RecipeError) {
      for (key, value) in [("beta1", beta1), ("beta2", beta2)] {
        try require(value >= 0 && value < 1, key, "expected at least 0 and below 1, found \(value)")
      }
      try require(eps > 0 && eps.isFinite, "eps", "expected more than 0, found \(eps)")
      try require(weightDecay >= 0 && weightDecay.isFinite, "weight_decay", "expected 0 or more, found \(weightDecay)")
    }
  }

  private let recipe: Recipe
  private let names: [String]
  private let parameters: [Tensor]
  private var moments: [InPlace.Moments]

  public init(_ parameters: [(name: String, parameter: Parameter)], _ recipe: Recipe = Recipe()) {
    self.recipe = recipe
    names = parameters.map(\.name)
    self.parameters = parameters.map(\.parameter.value)
    moments = self.parameters.map { InPlace.Moments(of: $0) }
  }

  /// Clears the gradients of the last step.
  public func clearGradients() throws(TorchFault) { try InPlace.clearGradients(parameters) }

  /// Scales the gradients down so that their L2 norm is at most `limit`, where that is positive.
  /// - Returns: the norm before.
  public func clipGradients(to limit: Double) throws(TorchFault) -> Double {
    try InPlace.clipGradients(parameters, limit: limit)
  }

  /// Changes every parameter that has a gradient.
  public func step(learningRate: Double) throws(TorchFault) {
    try InPlace.adamW(
      parameters, moments, learningRate: learningRate, betas: (recipe.beta1, recipe.beta2), eps: recipe.eps,
      weightDecay: recipe.weightDecay)
  }

  /// A snapshot of the running means, under `first.`, `second.` and `steps.` before the parameters' names.
  public func stateDict() -> StateDict {
    StateDict(
      zip(names, moments).flatMap { name, moments in
        [
          ("first.\(name)", moments.first.clone()), ("second.\(name)", moments.second.clone()),
          ("steps.\(name)", moments.steps.clone()),
        ]
      })
  }

  /// Restores a state of `stateDict()`.
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
