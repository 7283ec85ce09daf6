import RecipeKit

/// How the learning rate develops after its warm-up.
public protocol LearningRateSchedule: NamedRecipe {
  /// The factor of `training.learning_rate`, 0 to 1.
  func factor(at moment: TrainingMoment) -> Double

  /// Whether it needs the loss of held-out images.
  var readsValidationLoss: Bool { get }

  /// Takes note of a validation.
  func observe(validationLoss: Double, step: Int, _ state: inout PlateauState)
}

extension LearningRateSchedule {
  public var readsValidationLoss: Bool { false }
  public func observe(validationLoss: Double, step: Int, _ state: inout PlateauState) {}
}

/// What a schedule may depend on: how far the training has come before a step.
public struct TrainingMoment: Sendable {
  /// Images seen.
  public var images: Int
  /// The share of the training's duration that is over, 0 to 1.
  public var progress: Double
  /// What validations have led to.
  public var plateau: PlateauState

  public init(images: Int, progress: Double, plateau: PlateauState = PlateauState()) {
    (self.images, self.progress, self.plateau) = (images, min(max(progress, 0), 1), plateau)
  }
}

/// Every schedule that a recipe can name.
public enum LearningRateRegistry: RecipeRegistry {
  public typealias Member = any LearningRateSchedule
  public static let all: [any NamedRecipe.Type] = [
    ConstantRate.self, LinearDecay.self, CosineDecay.self, InverseSquareRootDecay.self, StepDecay.self, PlateauDecay.self,
  ]
}

extension TrainingRecipe {
  /// The learning rate of the step before which `images` were seen.
  /// - Parameters:
  ///   - progress: the share of the training's duration that is over, 0 to 1.
  ///   - plateau: what validations have led to.
  public func learningRate(afterImages images: Int, progress: Double, plateau: PlateauState = PlateauState()) -> Double {
    let rise = warmupImages > 0 ? min(1, Double(images + batchSize) / Double(warmupImages)) : 1
    return learningRate * rise * decay.member.factor(at: TrainingMoment(images: images, progress: progress, plateau: plateau))
  }
}
