import NN
import RecipeKit
import Tensors

/// Changes parameters by their gradients.
public protocol Optimizer: AnyObject {
  /// The tensors that it changes.
  var parameters: [Tensor] { get }

  /// Changes every parameter that has a gradient.
  /// - Parameters:
  ///   - gradientScale: the gradients' factor, by which they are clipped; they stay as they are.
  ///   - average: of the same parameters, updated in the same pass over memory.
  func step(learningRate: Double, gradientScale: Double, updating average: ExponentialMovingAverage?) throws(TorchFault)

  /// A snapshot of everything that it has accumulated.
  func stateDict() -> StateDict

  /// Restores a state of `stateDict()`.
  /// - Throws: `StateMismatch`; nothing is changed then.
  func load(_ dict: StateDict) throws
}

extension Optimizer {
  /// Clears the gradients of the last step.
  public func clearGradients() throws(TorchFault) { try InPlace.clearGradients(parameters) }

  /// The L2 norm of all gradients together.
  public func gradientNorm() throws(TorchFault) -> Double { try InPlace.gradientNorm(parameters) }

  public func step(learningRate: Double) throws(TorchFault) { try step(learningRate: learningRate, gradientScale: 1, updating: nil) }
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
