import NN
import RecipeKit
import Tensors

/// Changes parameters by their gradients.
public protocol Optimizer: AnyObject {
  /// The tensors that it changes.
  var parameters: [Tensor] { get }

  /// Changes every parameter that has a gradient.
  func step(learningRate: Double) throws(TorchFault)

  /// A snapshot of everything that it has accumulated.
  func stateDict() -> StateDict

  /// Restores a state of `stateDict()`.
  /// - Throws: `StateMismatch`; nothing is changed then.
  func load(_ dict: StateDict) throws
}

extension Optimizer {
  /// Clears the gradients of the last step.
  public func clearGradients() throws(TorchFault) { try InPlace.clearGradients(parameters) }

  /// Scales the gradients down so that their L2 norm is at most `limit`, where that is positive.
  /// - Returns: the norm before.
  public func clipGradients(to limit: Double) throws(TorchFault) -> Double {
    try InPlace.clipGradients(parameters, limit: limit)
  }
}

/// An optimizer that a recipe can name.
public protocol OptimizerRecipe: NamedRecipe {
  func makeOptimizer(for parameters: [(name: String, parameter: Parameter)]) -> any Optimizer
}

/// Every optimizer that a recipe can name.
public enum OptimizerRegistry: RecipeRegistry {
  public typealias Member = any OptimizerRecipe
  public static let all: [any NamedRecipe.Type] = [AdamW.Recipe.self, Adam.Recipe.self]
}
