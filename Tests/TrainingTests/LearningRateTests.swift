import RecipeKit
import Testing

@testable import Training

@Suite("The learning rate") struct LearningRateTests {
  private func recipe(_ decay: any LearningRateSchedule, warmup: Int = 0) -> TrainingRecipe {
    var recipe = TrainingRecipe()
    recipe.learningRate = 0.8
    recipe.batchSize = 10
    recipe.warmupImages = warmup
    recipe.decay = Choice(decay)
    return recipe
  }

  @Test func risesEvenlyToItsFullValueAndIsNeverZero() {
    let rates = [0, 10, 30, 90, 100, 5000].map { recipe(ConstantRate(), warmup: 100).learningRate(afterImages: $0, progress: 0) }
    for (rate, expected) in zip(rates, [0.08, 0.16, 0.32, 0.8, 0.8, 0.8]) { #expect(abs(rate - expected) < 1e-12) }
    #expect(recipe(ConstantRate()).learningRate(afterImages: 0, progress: 0) == 0.8)
  }

  @Test(arguments: [
    ("none", [0.8, 0.8, 0.8, 0.8, 0.8]), ("linear", [0.8, 0.6, 0.4, 0, 0]), ("cosine", [0.8, 0.4 * (1 + 0.5.squareRoot()), 0.4, 0, 0]),
  ])
  func fallsAsItsNameSays(decay: String, expected: [Double]) throws {
    let recipe = recipe(try Choice<LearningRateRegistry>(named: decay).member)
    for (progress, expected) in zip([0, 0.25, 0.5, 1, 1.5], expected) {
      #expect(abs(recipe.learningRate(afterImages: 0, progress: progress) - expected) < 1e-12)
    }
  }

  @Test func fallsWithTheSquareRootOfTheImages() {
    var decay = InverseSquareRootDecay()
    decay.afterImages = 100
    let rates = [0, 100, 400, 10_000].map { recipe(decay).learningRate(afterImages: $0, progress: 0.5) }
    for (rate, expected) in zip(rates, [0.8, 0.8, 0.4, 0.08]) { #expect(abs(rate - expected) < 1e-12) }
  }

  @Test func fallsInStepsAtTheGivenImages() {
    var decay = StepDecay()
    (decay.at, decay.factor) = ([100, 300], 0.5)
    let rates = [0, 99, 100, 299, 300, 5000].map { recipe(decay).learningRate(afterImages: $0, progress: 0.5) }
    for (rate, expected) in zip(rates, [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]) { #expect(abs(rate - expected) < 1e-12) }
  }

  /// Losses and, after each, the share of the rate that is left.
  @Test func fallsOnAPlateauOnly() {
    var decay = PlateauDecay()
    (decay.patience, decay.factor, decay.threshold, decay.minFactor) = (2, 0.5, 0.01, 0.2)
    var state = PlateauState()
    let losses: [(Double, Double)] = [
      (1, 1), (0.9, 1), (0.899, 1), (0.8, 1),  // an improvement of a thousandth is none, and a later one forgives it
      (0.8, 1), (0.85, 0.5), (0.9, 0.5), (.nan, 0.25), (0.7, 0.25), (0.7, 0.25), (0.7, 0.2), (0.7, 0.2), (0.7, 0.2),
    ]
    for (number, (loss, expected)) in losses.enumerated() {
      decay.observe(validationLoss: loss, step: number, &state)
      #expect(decay.factor(at: TrainingMoment(images: 0, progress: 0, plateau: state)) == expected, "after validation \(number)")
    }
    #expect(state.isPossible && state.progress.best == 0.7 && state.progress.bestStep == 8)
  }

  @Test(arguments: [
    "{ type: steps }", "{ type: steps, at: [2, 1] }", "{ type: steps, at: [1], factor: 1 }", "{ type: plateau, patience: 0 }",
    "{ type: plateau, factor: 1.5 }", "{ type: inverse_sqrt, after_images: 0 }", "exponential",
  ]) func anImpossibleScheduleIsRefused(decay: String) {
    #expect(throws: RecipeError.self) { try TrainingRecipe(yaml: "", set: ["decay=\(decay)"]) }
  }

  /// Version 0.1.0 had a word alone there, and an optimizer without a type.
  @Test func recipesOfEarlierVersionsStillLoad() throws {
    let recipe = try TrainingRecipe(yaml: "{ decay: cosine, optimizer: { beta2: 0.99, weight_decay: 0.1 }, ema_rate: 0.98 }")
    #expect(recipe.decay.type == "cosine" && recipe.optimizer.type == "adamw" && recipe.averages.isEmpty)
    #expect((recipe.optimizer.member as? AdamW.Recipe)?.weightDecay == 0.1)
  }

  @Test func fallsWhileItStillRises() {
    let rate = recipe(LinearDecay(), warmup: 100).learningRate(afterImages: 40, progress: 0.5)
    #expect(abs(rate - 0.8 * 0.5 * 0.5) < 1e-12)
  }

  @Test(arguments: [
    "learning_rate=0", "learning_rate=.inf", "batch_size=0", "ema_rate=1", "class_dropout=1.1", "log_every=0", "microbatch=0",
    "microbatch=65", "averages=[{ type: rate, rate: 1 }]", "averages=[{ type: power, length: 0.3 }]", "averages=[power, power]",
    "skip_limit=0", "rollbacks=-1", "keep_every=-1", "snapshot_every=0", "early_stopping={ patience: 0 }",
  ])
  func impossibleSettingsAreRefused(setting: String) {
    #expect(throws: RecipeError.self) { try TrainingRecipe(yaml: "", set: [setting]) }
  }
}
