import RecipeKit

/// How much each noise level counts in training. The weight multiplies the squared error of what the network predicts.
public protocol LossWeighting: NamedRecipe {
  func weight(at level: NoiseLevel, of parameterization: Parameterization) -> Double
}

/// Every weighting that a recipe can name.
public enum LossWeightingRegistry: RecipeRegistry {
  public typealias Member = any LossWeighting
  public static let all: [any NamedRecipe.Type] = [UniformWeighting.self, MinSNRWeighting.self]
}

/// Every level counts the same: the simple loss of Ho, Jain and Abbeel 2020, eq. 14.
public struct UniformWeighting: LossWeighting {
  public static let name = "uniform"
  public init() {}
  public func weight(at level: NoiseLevel, of parameterization: Parameterization) -> Double { 1 }
}

/// The error in x₀ counts min(SNR, γ), so that nearly clean images do not drown the others.
///
/// Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy" (2023).
public struct MinSNRWeighting: LossWeighting {
  public static let name = "min_snr"
  public var gamma = 5.0

  public init() {}
  public init(gamma: Double) { self.gamma = gamma }

  public func validate() throws(RecipeError) {
    try require(gamma > 0, "gamma", "expected a number above 0, found \(gamma)")
  }

  public func weight(at level: NoiseLevel, of parameterization: Parameterization) -> Double {
    // Where there is no signal the line below has no value for it.
    if parameterization == .epsilon { return min(1, gamma / level.snr) }
    // The error in x₀ is c_out times that in what the network predicts.
    let cOut = parameterization.preconditioning(at: level).cOut
    return min(level.snr, gamma) * cOut * cOut
  }
}
