import NN
import RecipeKit

/// AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019).
public final class AdamW: AdamOptimizer {
  public struct Recipe: AdamRecipe, Equatable {
    public static let name = "adamw"
    static let decouplesDecay = true
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

  public init(_ parameters: [(name: String, parameter: Parameter)], _ recipe: Recipe = Recipe()) { super.init(parameters, recipe) }
}
