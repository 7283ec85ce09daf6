import NN
import RecipeKit

/// Adam (Kingma and Ba 2015) with weight decay as an L2 penalty: it is part of the gradient and so of the running means, which AdamW keeps
/// free of it.
public final class Adam: AdamOptimizer {
  public struct Recipe: AdamRecipe, Equatable {
    public static let name = "adam"
    static let decouplesDecay = false
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

  public init(_ parameters: [(name: String, parameter: Parameter)], _ recipe: Recipe = Recipe()) { super.init(parameters, recipe) }
}
