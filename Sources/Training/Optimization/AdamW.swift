import NN
import RecipeKit
import Tensors

/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
public final class AdamW: Optimizer {
  public struct Recipe: AdamRecipe, Equatable {
    public static let name = "adamw"
    /// Decay rates of the running means of the gradient and of its square.
    public var beta1 = 0.9, beta2 = 0.999
    public var eps = 1e-8
    /// Each step takes this share, times the learning rate, off every parameter.
    public var weightDecay = 0.0
    /// Whether it takes that off biases and the scales of norms too.
    public var decayNormsAndBiases = true
    public init() {}

    public func validate() throws(RecipeError) { try validateAdam() }

    public func makeOptimizer(for parameters: [(name: String, parameter: Parameter)]) -> any Optimizer { AdamW(parameters, self) }
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
      step.weightDecay = group.weightDecay
      try state.step(group.indices, step, updating: average)
    }
    average?.didUpdate()
  }

  /// A snapshot of the running means, under `first.`, `second.` and `steps.` before the parameters' names.
  public func stateDict() -> StateDict { state.stateDict() }

  public func load(_ dict: StateDict) throws { try state.load(dict) }
}
