import RecipeKit

/// How much each noise level counts in training. The weight multiplies the error of what the network predicts.
public protocol LossWeighting: NamedRecipe {
  func weight(at level: NoiseLevel, of parameterization: Parameterization) -> Double
}

/// Every weighting that a recipe can name.
public enum LossWeightingRegistry: RecipeRegistry {
  public typealias Member = any LossWeighting
  public static let all: [any NamedRecipe.Type] = [
    UniformWeighting.self, MinSNRWeighting.self, SoftMinSNRWeighting.self, EDMWeighting.self,
  ]
}

/// Every level counts the same, whatever is predicted: the simple loss of Ho, Jain and Abbeel 2020, eq. 14.
public struct UniformWeighting: LossWeighting {
  public static let name = "uniform"
  public init() {}
  public func weight(at level: NoiseLevel, of parameterization: Parameterization) -> Double { 1 }
}

/// A weighting that is stated for the squared error in x₀, and means the same whatever is predicted.
public protocol ImageErrorWeighting: LossWeighting {
  /// The weight of the squared error in x₀.
  func weightOfImageError(at level: NoiseLevel) -> Double
}

extension ImageErrorWeighting {
  public func weight(at level: NoiseLevel, of parameterization: Parameterization) -> Double {
    weightOfImageError(at: level) / parameterization.squaredErrorPerImageError(at: level)
  }
}

extension Parameterization {
  /// The squared error of the prediction for a squared error in x₀ of 1, at a given x.
  func squaredErrorPerImageError(at level: NoiseLevel) -> Double {
    guard self != .epsilon else { return level.snr }
    // x₀ is c_skip x + c_out times the prediction.
    let cOut = preconditioning(at: level).cOut
    return 1 / (cOut * cOut)
  }
}

/// The error in x₀ counts min(SNR, γ), so that nearly clean images do not drown the others.
///
/// Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy" (2023).
public struct MinSNRWeighting: ImageErrorWeighting {
  public static let name = "min_snr"
  public var gamma = 5.0

  public init() {}
  public init(gamma: Double) { self.gamma = gamma }

  public func validate() throws(RecipeError) {
    try require(gamma > 0, "gamma", "expected a number above 0, found \(gamma)")
  }

  public func weightOfImageError(at level: NoiseLevel) -> Double { min(level.snr, gamma) }
}

/// The error in x₀ counts γ SNR / (SNR + γ): min-SNR without its kink.
///
/// Crowson et al., "Scalable High-Resolution Pixel-Space Image Synthesis with Hourglass Diffusion Transformers" (2024):
/// 1 / (σ² + 1/γ), with SNR = 1/σ².
public struct SoftMinSNRWeighting: ImageErrorWeighting {
  public static let name = "soft_min_snr"
  public var gamma = 4.0

  public init() {}
  public init(gamma: Double) { self.gamma = gamma }

  public func validate() throws(RecipeError) {
    try require(gamma > 0 && gamma.isFinite, "gamma", "expected a number above 0, found \(gamma)")
  }

  public func weightOfImageError(at level: NoiseLevel) -> Double { gamma / (1 + gamma / level.snr) }
}

/// The error in x₀ counts (s² + σ_d²) / (s σ_d)², where s = σ/α is the noise for a signal of 1: then the error of an EDM
/// network's raw output counts 1 at every level.
///
/// Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), table 1.
public struct EDMWeighting: ImageErrorWeighting {
  public static let name = "edm"
  /// σ_d, the standard deviation of the data.
  public var sigmaData = 0.5

  public init() {}
  public init(sigmaData: Double) { self.sigmaData = sigmaData }

  public func validate() throws(RecipeError) {
    try require(sigmaData > 0 && sigmaData.isFinite, "sigma_data", "expected a number above 0, found \(sigmaData)")
  }

  /// 1/σ_d² + SNR, finite where there is no signal.
  public func weightOfImageError(at level: NoiseLevel) -> Double { 1 / (sigmaData * sigmaData) + level.snr }
}
