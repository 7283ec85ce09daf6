import Foundation
import RecipeKit

/// How much the parameters of each step count in a moving average.
public protocol AverageProfile: NamedRecipe {
  /// β of average ← β average + (1 − β) parameter, after `steps` earlier updates.
  func rate(afterUpdates steps: Int) -> Double

  /// Names the average in files, such as `rate=0.9999`.
  var label: String { get }
}

/// Every kind of moving average that a recipe can name.
public enum AverageRegistry: RecipeRegistry {
  public typealias Member = any AverageProfile
  public static let all: [any NamedRecipe.Type] = [ExponentialProfile.self, PowerProfile.self]
}

/// The same rate at every step: parameters count less exponentially with their age (Polyak and Juditsky 1992).
public struct ExponentialProfile: AverageProfile, Equatable {
  public static let name = "rate"
  public var rate = 0.9999
  /// Whether the rate is lower at first, (1 + step) / (10 + step), so that the average leaves the initial values behind at once.
  public var warmup = true
  public init() {}
  public init(rate: Double, warmup: Bool = true) { (self.rate, self.warmup) = (rate, warmup) }

  public func validate() throws(RecipeError) {
    try require(rate >= 0 && rate < 1, "rate", "expected at least 0 and below 1, found \(rate)")
  }

  public func rate(afterUpdates steps: Int) -> Double {
    warmup ? ExponentialMovingAverage.warmedUp(rate, steps: steps) : rate
  }

  public var label: String { "rate=\(rate)\(warmup ? "" : "-cold")" }
}

/// Parameters count with a power of the step that they belong to, so that the average covers the same share of the training however
/// long that is, and forgets the initial values at once.
///
/// Karras, Aittala, Lehtinen, Hellsten, Aila and Laine, "Analyzing and Improving the Training Dynamics of Diffusion Models" (2024),
/// section 3.1: β(t) = (1 − 1/t)^(γ + 1). Snapshots of two of them suffice to make an average of any length afterwards; see
/// `PostHocAverage`.
public struct PowerProfile: AverageProfile, Equatable {
  public static let name = "power"
  /// σ_rel, the standard deviation of the profile as a share of the training.
  public var length = 0.1
  public init() {}
  public init(length: Double) { self.length = length }

  /// Above this no power has so long a profile: γ = 0 gives 0.2887.
  package static let longest = 0.28

  public func validate() throws(RecipeError) {
    try require(Self.isPossible(length: length), "length", "expected 0.001 to \(Self.longest), found \(length)")
  }

  package static func isPossible(length: Double) -> Bool { length >= 0.001 && length <= longest }

  public func rate(afterUpdates steps: Int) -> Double { pow(1 - 1 / Double(steps + 1), exponent + 1) }

  public var label: String { "power=\(length)" }

  /// γ, from σ_rel = √((γ + 1) / ((γ + 2)² (γ + 3))) by bisection: the length falls as γ grows.
  package var exponent: Double {
    var low = 0.0, high = 1.0
    while Self.length(ofExponent: high) > length { high *= 2 }
    while (high - low) > 1e-12 * high {
      let middle = (low + high) / 2
      if middle == low || middle == high { break }
      if Self.length(ofExponent: middle) > length { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  package static func length(ofExponent gamma: Double) -> Double {
    ((gamma + 1) / ((gamma + 2) * (gamma + 2) * (gamma + 3))).squareRoot()
  }
}
