import Foundation
import RecipeKit

/// The rate stays as it is.
public struct ConstantRate: LearningRateSchedule {
  public static let name = "none"
  public init() {}
  public func factor(at moment: TrainingMoment) -> Double { 1 }
}

/// The rate falls evenly to zero at the end of the training, as in improved-diffusion.
public struct LinearDecay: LearningRateSchedule {
  public static let name = "linear"
  public init() {}
  public func factor(at moment: TrainingMoment) -> Double { 1 - moment.progress }
}

/// The rate falls to zero as half a cosine (Loshchilov and Hutter, "SGDR", 2017, eq. 5, without restarts).
public struct CosineDecay: LearningRateSchedule {
  public static let name = "cosine"
  public init() {}
  public func factor(at moment: TrainingMoment) -> Double { (1 + cos(Double.pi * moment.progress)) / 2 }
}

/// The rate falls with the square root of the images seen, from `after_images` on (Karras et al., "Analyzing and Improving the
/// Training Dynamics of Diffusion Models", 2024, appendix B).
public struct InverseSquareRootDecay: LearningRateSchedule {
  public static let name = "inverse_sqrt"
  /// Until then the rate stays as it is.
  public var afterImages = 1_000_000
  public init() {}

  public func validate() throws(RecipeError) {
    try require(afterImages > 0, "after_images", "expected 1 or more, found \(afterImages)")
  }

  public func factor(at moment: TrainingMoment) -> Double {
    1 / max(1, Double(moment.images) / Double(afterImages)).squareRoot()
  }
}

/// The rate is multiplied by `factor` each time one of these numbers of images has been seen.
public struct StepDecay: LearningRateSchedule {
  public static let name = "steps"
  /// Numbers of images, rising.
  public var at: [Int] = []
  public var factor = 0.1
  public init() {}

  public func validate() throws(RecipeError) {
    try require(!at.isEmpty, "at", "expected at least one number of images, such as [500000, 800000], found none")
    let isRising = at[0] > 0 && zip(at, at.dropFirst()).allSatisfy { $0 < $1 }
    try require(isRising, "at", "expected rising numbers of images, found \(at)")
    try require(factor > 0 && factor < 1, "factor", "expected a number between 0 and 1, found \(factor)")
  }

  public func factor(at moment: TrainingMoment) -> Double {
    pow(factor, Double(at.count { $0 <= moment.images }))
  }
}
