import NN
import RecipeKit
import Tensors

/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019) over all parameters in one operation.
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
  /// Indices of parameters with one weight decay, and that decay: one group unless some are left out.
  private let groups: [(indices: [Int], weightDecay: Double)]

  public init(_ parameters: [(name: String, parameter: Parameter)], _ recipe: Recipe = Recipe()) {
    self.recipe = recipe
    let state = AdamMoments(parameters)
    self.state = state
    let decayed = state.parameters.indices.filter { recipe.decays(state.parameters[$0]) }
    let others = state.parameters.indices.filter { !recipe.decays(state.parameters[$0]) }
    groups = [(decayed, recipe.weightDecay), (others, 0)].filter { !$0.0.isEmpty }
  }

  public var parameters: [Tensor] { state.parameters }

  public func step(learningRate: Double) throws(TorchFault) {
    for group in groups {
      try state.step(
        group.indices, learningRate: learningRate, betas: recipe.betas, eps: recipe.eps, weightDecay: group.weightDecay)
    }
  }

  /// A snapshot of the running means, under `first.`, `second.` and `steps.` before the parameters' names.
  public func stateDict() -> StateDict { state.stateDict() }

  public func load(_ dict: StateDict) throws { try state.load(dict) }
}
