import NN
import RecipeKit
import Tensors

/// Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015). Its weight decay is an L2 penalty: it is part of the
/// gradient and so of the running means, which AdamW keeps free of it.
public final class Adam: Optimizer {
  public struct Recipe: AdamRecipe, Equatable {
    public static let name = "adam"
    /// Decay rates of the running means of the gradient and of its square.
    public var beta1 = 0.9, beta2 = 0.999
    public var eps = 1e-8
    /// This times the parameter is added to its gradient.
    public var weightDecay = 0.0
    /// Whether that applies to biases and the scales of norms too.
    public var decayNormsAndBiases = true
    public init() {}

    public func validate() throws(RecipeError) { try validateAdam() }

    public func makeOptimizer(for parameters: [(name: String, parameter: Parameter)]) -> any Optimizer { Adam(parameters, self) }
  }

  private let recipe: Recipe
  private let state: AdamMoments
  /// Indices of parameters with one weight decay, and that decay.
  private let groups: [(indices: [Int], weightDecay: Double)]

  public init(_ parameters: [(name: String, parameter: Parameter)], _ recipe: Recipe = Recipe()) {
    self.recipe = recipe
    state = AdamMoments(parameters)
    groups = recipe.groups(of: state.parameters)
  }

  public var parameters: [Tensor] { state.parameters }

  public func step(
    learningRate: Double, gradientScale: Double, updating average: ExponentialMovingAverage?
  ) throws(TorchFault) {
    var step = recipe.step(learningRate: learningRate, gradientScale: gradientScale)
    for group in groups {
      step.penalty = group.weightDecay
      try state.step(group.indices, step, updating: average)
    }
    average?.didUpdate()
  }

  /// A snapshot, under the same names as AdamW's, so that a run can change between them.
  public func stateDict() -> StateDict { state.stateDict() }

  public func load(_ dict: StateDict) throws { try state.load(dict) }
}
