import RecipeKit
import Tensors
import Testing

@testable import Training

@Suite("Accumulation over microbatches") struct AccumulationTests {
  /// Squared distances of the numbers from each image's grey values, as a batch that can be asked for in parts.
  private func trainer(_ numbers: Numbers, microbatch: Int?, clip: Double = 1, optimizer: String = "adamw") throws -> Trainer {
    var recipe = try TrainingRecipe(yaml: "{ optimizer: \(optimizer), gradient_clip: \(clip) }")
    (recipe.batchSize, recipe.warmupImages, recipe.learningRate, recipe.microbatch) = (7, 0, 0.05, microbatch)
    return Trainer(numbers, loader: makeLoader(7), recipe: recipe, on: .cpu) { batch, _, _ in
      StepLoss(of: 7) { part in
        (numbers.weight.value - batch.images.slice(0, part).reshape([part.count, 4])).square().meanPerImage().mean()
      }
    }
  }

  /// 7 images in parts of 7, 3 + 3 + 1, and one by one; float32 sums in another order.
  @Test(arguments: [7, 3, 1], ["adamw", "adam"]) func givesTheResultOfOneBatch(microbatch: Int, optimizer: String) throws {
    let numbers = Numbers(), others = Numbers()
    let whole = try trainer(numbers, microbatch: nil, optimizer: optimizer)
    let parts = try trainer(others, microbatch: microbatch, optimizer: optimizer)
    for _ in 0..<5 {
      let a = try #require(try whole.next()), b = try #require(try parts.next())
      #expect(abs(a.loss - b.loss) < 1e-6 * a.loss && abs(a.gradientNorm - b.gradientNorm) < 1e-6 * a.gradientNorm)
    }
    for (a, b) in zip(try numbers.floats, try others.floats) { #expect(abs(a - b) < 1e-6) }
  }

  /// Clipped parts would add up to another gradient, and another norm.
  @Test func clipsTheSumAndNotTheParts() throws {
    let whole = try trainer(Numbers(), microbatch: nil, clip: 0.01), parts = try trainer(Numbers(), microbatch: 2, clip: 0.01)
    let a = try #require(try whole.next()), b = try #require(try parts.next())
    #expect(a.gradientNorm > 1 && abs(a.gradientNorm - b.gradientNorm) < 1e-6)
    #expect(try whole.optimizer.stateDict()["first.weight"]!.norm().item() < 0.0011)
    #expect(
      try (whole.optimizer.stateDict()["first.weight"]! - parts.optimizer.stateDict()["first.weight"]!).abs().max().item() < 1e-8)
  }

  @Test func aPartThatIsNotFiniteSkipsTheWholeStep() throws {
    let numbers = Numbers(), before = try numbers.floats
    var recipe = TrainingRecipe()
    (recipe.batchSize, recipe.microbatch) = (4, 2)
    let trainer = Trainer(numbers, loader: makeLoader(4), recipe: recipe, on: .cpu) { _, _, step in
      StepLoss(of: 4) { part in numbers.weight.value.square().mean() * (step == 0 && part.lowerBound == 2 ? Double.nan : 1) }
    }
    #expect(try trainer.next()?.loss.isNaN == true && trainer.isSkipping)
    #expect(try numbers.floats == before)
    // What the first part left behind must not be part of the next step.
    let clean = try #require(try trainer.next())
    #expect(abs(clean.gradientNorm - (2 / 4.0) * 14.25.squareRoot()) < 1e-5)
  }

  /// Gradients of single images with mean G and covariance of trace S: |g|² of a batch of b has the expectation |G|² + S / b.
  @Test func theNoiseScaleIsThatOfKnownGradients() {
    let (signal, noise) = (4.0, 240.0)
    var scale = GradientNoiseScale()
    #expect(scale.images == nil)
    for (small, large) in [(2, 8), (3, 8), (1, 64)] {
      scale.add(small: signal + noise / Double(small), of: small, large: signal + noise / Double(large), of: large)
    }
    #expect(abs(scale.images! - 60) < 1e-9)
    var empty = GradientNoiseScale()
    empty.add(small: 1, of: 4, large: 1, of: 4)
    empty.add(small: .nan, of: 1, large: 1, of: 4)
    #expect(empty.images == nil)
  }

  /// Images with the gradients −1 and +1 about a mean of 3: S is their variance. Each number's gradient is that of one image's grey.
  @Test func theNoiseScaleOfATrainingIsThatOfItsImages() throws {
    let numbers = Numbers([0, 0, 0, 0])
    var recipe = TrainingRecipe()
    (recipe.batchSize, recipe.microbatch, recipe.gradientClip) = (4, 1, 0)
    let trainer = Trainer(numbers, loader: makeLoader(4), recipe: recipe, on: .cpu) { _, seed, step in
      let gradients = Tensor.randn([4], using: seed.generator(for: .noise, step: step)) + 3
      return StepLoss(of: 4) { part in (gradients.slice(0, part).mean() * numbers.weight.value).mean() }
    }
    var scale = GradientNoiseScale()
    for _ in 0..<4000 { scale += try #require(try trainer.next()).noiseScale }
    // The variance 1 over the squared mean 9; the estimate of 4000 steps is within a tenth of it.
    #expect(abs(try #require(scale.images) * 9 - 1) < 0.1)
  }
}
