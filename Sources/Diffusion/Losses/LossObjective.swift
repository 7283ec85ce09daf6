import RecipeKit
import Tensors

/// What training minimises: an error of the prediction, the variational bound, or both.
public protocol LossObjective: NamedRecipe {
  /// The error of the prediction; nil where only the bound is minimised.
  var predictionError: (any PredictionError)? { get }

  /// How often a term of the bound counts, in bits per dimension; nil for not at all. Beside an error it is there for the
  /// variance alone: no gradient reaches the prediction through it.
  /// - Parameters:
  ///   - steps: T, of the process.
  ///   - learnsVariance: whether the network predicts its variance.
  func boundWeight(steps: Int, learnsVariance: Bool) -> Double?
}

/// Every loss that a recipe can name.
public enum LossRegistry: RecipeRegistry {
  public typealias Member = any LossObjective
  public static let all: [any NamedRecipe.Type] = [
    RescaledMSE.self, SquaredError.self, AbsoluteError.self, HuberError.self, HybridLoss.self, VariationalLoss.self,
    RescaledVariationalLoss.self,
  ]
}

extension LossObjective where Self: PredictionError {
  public var predictionError: (any PredictionError)? { self }
  public func boundWeight(steps: Int, learnsVariance: Bool) -> Double? { nil }
}

extension SquaredError: LossObjective {
  public func boundWeight(steps: Int, learnsVariance: Bool) -> Double? { learnsVariance ? 1 : nil }
}

extension AbsoluteError: LossObjective {}
extension HuberError: LossObjective {}

/// The squared error; where the variance is learned, plus T/1000 of the bound's term, which stands for λ = 0.001 of the sum
/// over all T terms (Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, eq. 16).
public struct RescaledMSE: LossObjective {
  public static let name = "rescaled_mse"
  public init() {}
  public var predictionError: (any PredictionError)? { SquaredError() }
  public func boundWeight(steps: Int, learnsVariance: Bool) -> Double? { learnsVariance ? Double(steps) / 1000 : nil }
}

/// An error of the prediction plus λ T times the bound's term, learned variance or not; a fixed variance only makes the
/// number larger (Nichol and Dhariwal 2021, eq. 16; nice-diffusion's `hybrid`).
public struct HybridLoss: LossObjective {
  public static let name = "hybrid"
  public var error = Choice<PredictionErrorRegistry>(SquaredError())
  /// λ.
  public var boundScale = 0.001

  public init() {}
  public init(_ error: any PredictionError, boundScale: Double = 0.001) {
    self.error = Choice(error)
    self.boundScale = boundScale
  }

  public func validate() throws(RecipeError) {
    try require(boundScale > 0 && boundScale.isFinite, "bound_scale", "expected a number above 0, found \(boundScale)")
  }

  public var predictionError: (any PredictionError)? { error.member }
  public func boundWeight(steps: Int, learnsVariance: Bool) -> Double? { boundScale * Double(steps) }
}

/// The bound's term alone, KL(q(x_{t−1} | x_t, x₀) ‖ p(x_{t−1} | x_t)) or −log p(x₀ | x₁), in bits per dimension: L_vlb of
/// Nichol and Dhariwal 2021, divided by T.
public struct VariationalLoss: LossObjective {
  public static let name = "kl"
  public init() {}
  public var predictionError: (any PredictionError)? { nil }
  public func boundWeight(steps: Int, learnsVariance: Bool) -> Double? { 1 }
}

/// T times the bound's term, so that its mean over timesteps is the bound itself.
public struct RescaledVariationalLoss: LossObjective {
  public static let name = "rescaled_kl"
  public init() {}
  public var predictionError: (any PredictionError)? { nil }
  public func boundWeight(steps: Int, learnsVariance: Bool) -> Double? { Double(steps) }
}

extension LossObjective {
  /// Why this cannot be minimised together with the rest of a recipe, and what could; nil when it can.
  public func problem(
    variance: Variance, weighting: any LossWeighting = UniformWeighting(), timesteps: any TimestepSampling = UniformTimesteps()
  ) -> String? {
    let name = Self.name
    if variance.isLearned, boundWeight(steps: 1, learnsVariance: true) == nil {
      return "\(name) would leave the learned variance (process.variance \(variance.rawValue)) untrained; "
        + "expected { type: hybrid, error: \(name) } or rescaled_mse"
    }
    if predictionError == nil, !(weighting is UniformWeighting) {
      return "\(name) has the weights of the variational bound, which \(type(of: weighting).name) would undo; "
        + "expected loss_weighting uniform, or a loss of errors such as mse"
    }
    if predictionError == nil, !type(of: timesteps).keepsExpectation {
      return "\(name) has the weights of the variational bound, which timestep_sampling \(type(of: timesteps).name) would undo; "
        + "expected stratified, uniform or loss_second_moment"
    }
    return nil
  }
}
