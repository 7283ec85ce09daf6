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
        $0.optimizer.eps = 1
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
    for _ in 0..<Trainer.skipLimit { _ = try trainer.next() }
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
    for _ in 0..<(3 * Trainer.skipLimit) { #expect(try trainer.next() != nil) }
  }
}
