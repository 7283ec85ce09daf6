import Foundation
import RecipeKit

/// The rate is multiplied by `factor` when the loss of held-out images has not improved in `patience` validations in a row.
public struct PlateauDecay: LearningRateSchedule {
  public static let name = "plateau"
  public var factor = 0.5
  /// Validations.
  public var patience = 5
  /// A loss is an improvement when it is lower than the best one by this share.
  public var threshold = 0.001
  /// The rate falls no further than to this share of `training.learning_rate`.
  public var minFactor = 0.0
  public init() {}

  public func validate() throws(RecipeError) {
    try require(factor > 0 && factor < 1, "factor", "expected a number between 0 and 1, found \(factor)")
    try require((1...1_000_000).contains(patience), "patience", "expected 1 or more validations, found \(patience)")
    try require(threshold >= 0 && threshold < 1, "threshold", "expected at least 0 and below 1, found \(threshold)")
    try require(minFactor >= 0 && minFactor <= 1, "min_factor", "expected 0 to 1, found \(minFactor)")
  }

  public var readsValidationLoss: Bool { true }

  public func factor(at moment: TrainingMoment) -> Double { max(pow(factor, Double(moment.plateau.reductions)), minFactor) }

  public func observe(validationLoss: Double, step: Int, _ state: inout PlateauState) {
    state.progress.observe(validationLoss, step: step, threshold: threshold)
    guard state.progress.failures >= patience else { return }
    state.progress.failures = 0
    state.reductions += 1
  }
}

/// How often the rate has been reduced, and how long ago the validation loss improved.
public struct PlateauState: Codable, Sendable, Equatable {
  public internal(set) var reductions = 0
  var progress = ValidationProgress()
  public init() {}
  var isPossible: Bool { (0...1_000_000).contains(reductions) && progress.isPossible }
}

/// The best validation loss so far, and for how many validations there has been no better one.
public struct ValidationProgress: Codable, Sendable, Equatable {
  public private(set) var best: Double?
  /// The step after which it was measured.
  public private(set) var bestStep: Int?
  public internal(set) var failures = 0

  public init() {}

  /// A loss that is not finite is no improvement.
  mutating func observe(_ loss: Double, step: Int, threshold: Double) {
    guard loss.isFinite, best.map({ loss < $0 - threshold * abs($0) }) ?? true else {
      failures += 1
      return
    }
    (best, bestStep, failures) = (loss, step, 0)
  }

  /// Whether a file may hold it.
  var isPossible: Bool {
    (best?.isFinite ?? true) && (bestStep.map { $0 >= 0 } ?? true) && (0...1_000_000_000).contains(failures)
  }
}

/// When a training ends before its duration is over.
public struct EarlyStoppingRecipe: Recipe, Equatable {
  /// Validations in a row without improvement.
  public var patience = 10
  /// A loss is an improvement when it is lower than the best one by this share.
  public var threshold = 0.0
  public init() {}

  public func validate() throws(RecipeError) {
    try require((1...1_000_000).contains(patience), "patience", "expected 1 or more validations, found \(patience)")
    try require(threshold >= 0 && threshold < 1, "threshold", "expected at least 0 and below 1, found \(threshold)")
  }
}
