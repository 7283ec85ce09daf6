import RecipeKit
import Testing

@testable import Training

@Suite("The learning rate") struct LearningRateTests {
  private func recipe(_ decay: LearningRateDecay, warmup: Int = 0) -> TrainingRecipe {
    var recipe = TrainingRecipe()
    recipe.learningRate = 0.8
    recipe.batchSize = 10
    recipe.warmupImages = warmup
    recipe.decay = decay
    return recipe
  }

  @Test func risesEvenlyToItsFullValueAndIsNeverZero() {
    let rates = [0, 10, 30, 90, 100, 5000].map { recipe(.none, warmup: 100).learningRate(afterImages: $0, progress: 0) }
    for (rate, expected) in zip(rates, [0.08, 0.16, 0.32, 0.8, 0.8, 0.8]) { #expect(abs(rate - expected) < 1e-12) }
    #expect(recipe(.none).learningRate(afterImages: 0, progress: 0) == 0.8)
  }

  @Test(arguments: [
    (LearningRateDecay.none, [0.8, 0.8, 0.8, 0.8, 0.8]), (.linear, [0.8, 0.6, 0.4, 0, 0]),
    (.cosine, [0.8, 0.4 * (1 + 0.5.squareRoot()), 0.4, 0, 0]),
  ])
  func fallsAsItsNameSays(decay: LearningRateDecay, expected: [Double]) {
    for (progress, expected) in zip([0, 0.25, 0.5, 1, 1.5], expected) {
      #expect(abs(recipe(decay).learningRate(afterImages: 0, progress: progress) - expected) < 1e-12)
    }
  }

  @Test func fallsWhileItStillRises() {
    let rate = recipe(.linear, warmup: 100).learningRate(afterImages: 40, progress: 0.5)
    #expect(abs(rate - 0.8 * 0.5 * 0.5) < 1e-12)
  }

  @Test(arguments: ["learning_rate=0", "learning_rate=.inf", "batch_size=0", "ema_rate=1", "class_dropout=1.1", "log_every=0"])
  func impossibleSettingsAreRefused(setting: String) {
    #expect(throws: RecipeError.self) { try TrainingRecipe(yaml: "", set: [setting]) }
  }
}
