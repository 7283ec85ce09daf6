import RecipeKit
import Testing

@testable import Training

@Suite("Training recipes") struct TrainingRecipeTests {
  @Test(arguments: [
    "batch_size", "warmup_images", "log_every", "checkpoint_every", "preview_every", "keep_checkpoints", "duration",
  ])
  func countsAboveTheLimitAreRefused(key: String) {
    for value in ["9223372036854775807", "1000000000000001"] {
      let error = #expect(throws: RecipeError.self) { try TrainingRecipe(yaml: "\(key): \(value)") }
      #expect(error?.path == key)
    }
  }

  @Test(arguments: ["1e16 epochs", "9223372036854775807s", "1000000000000001"]) func durationsAboveTheLimitAreRefused(text: String) {
    let error = #expect(throws: RecipeError.self) { try TrainingRecipe(yaml: "duration: \(text)") }
    #expect(error.map { "\($0)".contains("duration: expected at most 1000000000000000 images, epochs or seconds") } == true)
  }

  @Test func theLargestCountsAreTaken() throws {
    let recipe = try TrainingRecipe(yaml: "duration: 1000000000000000\nlog_every: 1000000000000000\nbatch_size: 65536")
    #expect(recipe.duration == .images(1_000_000_000_000_000))
  }
}
