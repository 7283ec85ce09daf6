import RecipeKit
import Tensors

/// How far off a prediction is, of each element.
public protocol PredictionError: NamedRecipe {
  /// - Parameter difference: prediction − target, of any shape. - Returns: of the same shape, 0 where there is none.
  func callAsFunction(_ difference: Tensor) -> Tensor
}

/// Every error that a loss can be made of.
public enum PredictionErrorRegistry: RecipeRegistry {
  public typealias Member = any PredictionError
  public static let all: [any NamedRecipe.Type] = [SquaredError.self, AbsoluteError.self, HuberError.self]
}

/// d². As a loss the simple one of Ho, Jain and Abbeel 2020, eq. 14; where the variance is learned, the whole term of the
/// variational bound is added, unscaled, as guided-diffusion's `MSE` does. There `rescaled_mse` is the better choice.
public struct SquaredError: PredictionError {
  public static let name = "mse"
  public init() {}
  public func callAsFunction(_ difference: Tensor) -> Tensor { difference.square() }
}

/// |d|. Sharper images and fewer outliers than d², at some cost in diversity (Saharia et al., "Palette", 2022).
public struct AbsoluteError: PredictionError {
  public static let name = "l1"
  public init() {}
  public func callAsFunction(_ difference: Tensor) -> Tensor { difference.abs() }
}

/// d²/2 up to |d| = δ, then δ (|d| − δ/2), so that outliers pull no harder than δ.
///
/// Huber, "Robust Estimation of a Location Parameter" (1964).
public struct HuberError: PredictionError {
  public static let name = "huber"
  public var delta = 1.0

  public init() {}
  public init(delta: Double) { self.delta = delta }

  public func validate() throws(RecipeError) {
    try require(delta > 0 && delta.isFinite, "delta", "expected a number above 0, found \(delta)")
  }

  public func callAsFunction(_ difference: Tensor) -> Tensor {
    let size = difference.abs()
    let capped = size.clamp(0...delta)
    return capped * (size - 0.5 * capped)
  }
}
