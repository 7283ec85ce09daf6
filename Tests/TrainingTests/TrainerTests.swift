import Foundation
import NN
import RecipeKit
import Tensors
import Testing

@testable import Training

@Suite("The trainer") struct TrainerTests {
  /// The squared distance of the numbers from the mean grey of each image.
  private func distance(of numbers: Numbers) -> (Batch, Seed, Int) throws -> Tensor {
    { batch, _, _ in (numbers.weight.value - batch.images.reshape([batch.images.size(0), 4])).square().meanPerImage() }
  }

  @Test func lossFallsOnAProblemThatCanBeSolved() throws {
    let numbers = Numbers()
    let trainer = makeTrainer(numbers, { $0.learningRate = 0.1 }, loss: distance(of: numbers))
    var losses: [Double] = []
    for _ in 0..<100 { losses.append(try #require(try trainer.next()).loss) }
    let mean = { (part: ArraySlice<Double>) in part.reduce(0, +) / Double(part.count) }
    #expect(mean(losses.prefix(5)) > 2)
    // The variance of the images themselves is left: greys of 0 to 180 in steps of 20 spread by 0.2.
    #expect(mean(losses.suffix(20)) < 0.25)
  }

  @Test func reportsWhereItStands() throws {
    let numbers = Numbers()
    let trainer = makeTrainer(numbers, { $0.duration = .images(10) }, loss: distance(of: numbers))
    let steps = try (0..<3).map { _ in try #require(try trainer.next()) }
    #expect(steps.map(\.step) == [1, 2, 3])
    #expect(steps.map(\.images) == [4, 8, 12])
    #expect(steps.map(\.progress) == [0.4, 0.8, 1])
    #expect(try trainer.next() == nil)
    #expect(trainer.step == 3)
  }

  @Test(arguments: [(TrainingDuration.epochs(0.8), 2), (.images(0), 0), (.epochs(1.3), 4)])
  func endsWhenItsDurationIsOver(duration: TrainingDuration, expected: Int) throws {
    let numbers = Numbers()
    let trainer = makeTrainer(numbers, { $0.duration = duration }, loss: distance(of: numbers))
    while try trainer.next() != nil {}
    #expect(trainer.step == expected)  // 10 images an epoch, 4 a step
  }

  /// With an eps of 1 the first step of AdamW is rate g / (|g| + 1): it tells the gradient that it was given.
  @Test(arguments: [(1.0, 0.5), (0, 60)]) func gradientIsCutBeforeTheStep(limit: Double, gradient: Double) throws {
    let numbers = Numbers([0, 0, 0, 0])
    let trainer = makeTrainer(
      numbers,
      {
        $0.gradientClip = limit
        var optimizer = AdamW.Recipe()
        optimizer.eps = 1
        $0.optimizer = Choice(optimizer)
      }, loss: { _, _, _ in (numbers.weight.value * -60).sum().reshape([1]) })
    let step = try #require(try trainer.next())
    #expect(abs(step.gradientNorm - 120) < 1e-4)
    for value in try numbers.floats { #expect(abs(Double(value) - 0.01 * gradient / (gradient + 1)) < 1e-6) }
  }

  @Test func givesTheLossASeedAndTheStepAndNothingElseThatChanges() throws {
    let numbers = Numbers()
    var seen: [(Seed, Int)] = []
    let trainer = makeTrainer(numbers, { $0.seed = 5 }) { batch, seed, step in
      seen.append((seed, step))
      return numbers.weight.value.square()
    }
    for _ in 0..<3 { _ = try trainer.next() }
    #expect(seen.map(\.0) == [Seed(5), Seed(5), Seed(5)])
    #expect(seen.map(\.1) == [0, 1, 2])
  }

  @Test func restoredItTakesTheStepsThatItWouldHaveTaken() throws {
    let numbers = Numbers(), other = Numbers([0, 0, 0, 0])
    let trainer = makeTrainer(numbers, loss: distance(of: numbers)), resumed = makeTrainer(other, loss: distance(of: other))
    for _ in 0..<3 { _ = try trainer.next() }
    try resumed.restore(
      weights: trainer.weights(), average: trainer.average.stateDict(), optimizer: trainer.optimizer.stateDict(), at: trainer.position)
    for _ in 0..<4 { #expect(try resumed.next()?.loss == trainer.next()?.loss) }
    #expect(try trainer.weights().content == resumed.weights().content)
    #expect(try trainer.average.stateDict().content == resumed.average.stateDict().content)
    #expect(try trainer.optimizer.stateDict().content == resumed.optimizer.stateDict().content)
  }
}

@Suite("Early stopping and plateaus") struct ValidationOfTrainerTests {
  private func trainer(_ numbers: Numbers, _ change: (inout TrainingRecipe) -> Void) -> Trainer {
    makeTrainer(numbers, change) { _, _, _ in numbers.weight.value.square() }
  }

  /// The losses of held-out images after each step, made up.
  private func train(_ trainer: Trainer, _ losses: [Double]) throws -> [Double] {
    try losses.compactMap { loss in
      guard let step = try trainer.next() else { return nil }
      trainer.requestValidation()
      #expect(trainer.position.validation.isDue)
      trainer.observe(validationLoss: loss)
      return step.learningRate
    }
  }

  @Test func endsTheTrainingWhenTheLossHasNotImprovedForLong() throws {
    let trainer = self.trainer(Numbers()) {
      $0.earlyStopping = EarlyStoppingRecipe()
      $0.earlyStopping?.patience = 3
    }
    let rates = try train(trainer, [3, 2, 2.5, 1.5, 1.6, 1.7, 1.8, 1, 1])
    #expect(rates.count == 7 && trainer.isStoppedEarly && trainer.step == 7)
    #expect(trainer.validation.progress.best == 1.5 && trainer.validation.progress.bestStep == 4)
    #expect(try trainer.next() == nil)
  }

  @Test func aPlateauLowersTheRateAlsoInATrainingThatIsResumed() throws {
    func change(_ recipe: inout TrainingRecipe) {
      var decay = PlateauDecay()
      (decay.patience, decay.factor) = (2, 0.1)
      recipe.decay = Choice(decay)
    }
    let losses = [1.0, 1, 1, 1, 1, 1], expected = [0.01, 0.01, 0.01, 0.001, 0.001, 0.0001]
    let whole = try train(trainer(Numbers(), change), losses)
    for (rate, expected) in zip(whole, expected) { #expect(abs(rate - expected) < 1e-12) }
    // In the middle of a plateau, as it is written to a file.
    let first = trainer(Numbers(), change), rest = trainer(Numbers([0, 0, 0, 0]), change)
    _ = try train(first, Array(losses[..<2]))
    let position = try JSONDecoder().decode(TrainingPosition.self, from: JSONEncoder().encode(first.position))
    #expect(position == first.position && position.validation.plateau.progress.failures == 1)
    try rest.restore(
      weights: first.weights(), average: first.average.stateDict(), optimizer: first.optimizer.stateDict(), at: position)
    #expect(try train(rest, Array(losses[2...])) == Array(whole[2...]))
  }

  @Test func goingBackHalvesTheRateUntilTheUserChangesIt() throws {
    let trainer = self.trainer(Numbers()) { _ in }, other = self.trainer(Numbers([0, 0, 0, 0])) { _ in }
    trainer.countRollback(after: 1, seconds: 3)
    #expect(trainer.learningRate == 0.0025 && trainer.position.rollbacks == 2)
    func restore(_ trainer: Trainer, at position: TrainingPosition) throws {
      try trainer.restore(
        weights: other.weights(), average: other.average.stateDict(), optimizer: other.optimizer.stateDict(), at: position)
    }
    let resumed = self.trainer(Numbers()) { _ in }, changed = self.trainer(Numbers()) { $0.learningRate = 0.004 }
    try restore(resumed, at: trainer.position)
    #expect(resumed.learningRate == 0.0025)
    try restore(changed, at: trainer.position)
    #expect(changed.learningRate == 0.004 && changed.rollbacks == 0)
  }
}

@Suite("A loss that is not finite") struct NonFiniteLossTests {
  enum Damage: CaseIterable { case loss, gradient }

  /// A good loss, but in the steps that a closure picks: NaN, or 0 with an infinite gradient.
  private func trainer(_ numbers: Numbers, _ damage: Damage, in bad: @escaping (Int) -> Bool) -> Trainer {
    makeTrainer(numbers) { _, _, step in
      let w = numbers.weight.value
      guard bad(step) else { return w.square() }
      return damage == .loss ? w * Double.nan : (w - w.detach()).sqrt()
    }
  }

  @Test(arguments: Damage.allCases) func skipsTheStepAndChangesNothing(damage: Damage) throws {
    let numbers = Numbers()
    let trainer = trainer(numbers, damage) { $0 == 2 }
    func state() throws -> [[String: [UInt8]]] {
      try [trainer.weights().content, trainer.average.stateDict().content, trainer.optimizer.stateDict().content]
    }
    for _ in 0..<2 { _ = try trainer.next() }
    let before = try state()
    let step = try #require(try trainer.next())
    #expect(!step.gradientNorm.isFinite)
    #expect(step.loss.isFinite == (damage == .gradient))
    #expect(try state() == before)
    #expect(trainer.position.step == 3 && trainer.position.images == 12 && trainer.position.averageSteps == 2)
    #expect(try #require(try trainer.next()).gradientNorm.isFinite)
    #expect(try state() != before)
  }

  @Test func thatStaysStopsTheTrainingWithAdvice() throws {
    let trainer = trainer(Numbers(), .loss) { $0 >= 1 }
    for _ in 0..<TrainingRecipe().skipLimit { _ = try trainer.next() }
    let error = try #require(throws: TrainingError.self) { try trainer.next() }
    #expect(error.description.contains("20 steps in a row, the last of them step 21"))
    #expect(error.description.contains("resume from the last good checkpoint with a lower training.learning_rate"))
  }

  @Test func isShownUntilAStepIsTakenAgain() throws {
    let trainer = trainer(Numbers(), .gradient) { $0 == 2 }
    for _ in 0..<2 { _ = try trainer.next() }
    #expect(!trainer.isSkipping && trainer.position.isGood && trainer.lastGoodPosition == trainer.position)
    _ = try trainer.next()
    #expect(trainer.isSkipping && !trainer.position.isGood && trainer.lastGoodPosition.step == 2)
    _ = try trainer.next()
    #expect(!trainer.isSkipping && trainer.position.isGood && trainer.lastGoodPosition.step == 4)
    #expect(trainer.position.learningRate == 0.01)
  }

  /// Its numbers are finite, and yet nobody can train on from there.
  @Test func isPrecededByAnExplodingLoss() throws {
    let numbers = Numbers()
    let trainer = makeTrainer(numbers) { _, _, step in numbers.weight.value.square() * (step == 3 ? 1e6 : 1) }
    for _ in 0..<3 { _ = try trainer.next() }
    #expect(trainer.position.isGood)
    _ = try trainer.next()
    #expect(!trainer.isSkipping && !trainer.position.isGood && trainer.lastGoodPosition.step == 3)
    let other = Numbers([0, 0, 0, 0])
    let resumed = makeTrainer(other) { _, _, _ in other.weight.value.square() }
    try resumed.restore(
      weights: trainer.weights(), average: trainer.average.stateDict(), optimizer: trainer.optimizer.stateDict(), at: trainer.position)
    _ = try resumed.next()
    #expect(!resumed.position.isGood, "what losses were before is kept")
  }

  @Test func nowAndThenDoesNotStopIt() throws {
    let trainer = trainer(Numbers(), .loss) { $0 % 2 == 1 }
    for _ in 0..<(3 * TrainingRecipe().skipLimit) { #expect(try trainer.next() != nil) }
  }
}
