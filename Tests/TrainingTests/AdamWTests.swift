import NN
import RecipeKit
import Tensors
import Testing

@testable import Training

@Suite("AdamW") struct AdamWTests {
  /// The sum of factor times parameter, whose gradient is the factor.
  private func step(_ optimizer: AdamW, _ numbers: Numbers, factors: [Float], learningRate: Double = 0.1) throws {
    try optimizer.clearGradients()
    try (numbers.weight.value * Tensor(factors)).sum().backward()
    try optimizer.step(learningRate: learningRate)
  }

  @Test func theFirstStepMovesEachParameterByTheLearningRateAgainstItsGradient() throws {
    let numbers = Numbers([1, 1, 1, 1])
    let optimizer = AdamW(numbers.namedParameters())
    try step(optimizer, numbers, factors: [5, -0.01, 100, -3])
    for (found, expected) in zip(try numbers.floats, [0.9, 1.1, 0.9, 1.1] as [Float]) {
      #expect(abs(found - expected) < 1e-6)  // the last bits of float32
    }
  }

  @Test func weightDecayTakesItsShareOfTheParameterWhateverTheGradient() throws {
    let numbers = Numbers([4, 4, 4, 4])
    var recipe = AdamW.Recipe()
    recipe.weightDecay = 0.5
    try step(AdamW(numbers.namedParameters(), recipe), numbers, factors: [1, 10, 100, 1000])
    for found in try numbers.floats { #expect(abs(found - (4 * (1 - 0.1 * 0.5) - 0.1)) < 1e-6) }
  }

  @Test func resumesFromItsStateToTheBit() throws {
    let gradients: [[Float]] = [[1, 2, 3, 4], [-1, 0.5, 0, 2], [0.1, 0.2, 0.3, 0.4], [7, -7, 7, -7]]
    let numbers = Numbers(), other = Numbers([0, 0, 0, 0])
    let optimizer = AdamW(numbers.namedParameters()), resumed = AdamW(other.namedParameters())
    for gradient in gradients[..<2] { try step(optimizer, numbers, factors: gradient) }
    try other.load(numbers.stateDict())
    try resumed.load(optimizer.stateDict())
    for gradient in gradients[2...] {
      try step(optimizer, numbers, factors: gradient)
      try step(resumed, other, factors: gradient)
    }
    #expect(try numbers.stateDict().content == other.stateDict().content)
    #expect(try optimizer.stateDict().content == resumed.stateDict().content)
  }

  @Test func aStateThatDoesNotFitIsRefusedAndChangesNothing() throws {
    let numbers = Numbers()
    let optimizer = AdamW(numbers.namedParameters())
    try step(optimizer, numbers, factors: [1, 2, 3, 4])
    let before = try optimizer.stateDict().content
    var state = AdamW(Numbers([1, 1, 1, 1]).namedParameters()).stateDict()
    state["second.weight"] = .zeros([3])
    let error = try #require(throws: StateMismatch.self) { try optimizer.load(state) }
    #expect(error.differences == ["second.weight: expected [4], found [3]"])
    #expect(try optimizer.stateDict().content == before)
  }

  @Test func theStateIsASnapshot() throws {
    let numbers = Numbers()
    let optimizer = AdamW(numbers.namedParameters())
    let state = optimizer.stateDict(), before = try state.content
    try step(optimizer, numbers, factors: [1, 2, 3, 4])
    #expect(try state.content == before)
  }

  @Test(arguments: ["beta1=1", "beta2=-0.1", "eps=0", "eps=.inf", "weight_decay=-1"]) func impossibleSettingsAreRefused(setting: String) {
    #expect(throws: RecipeError.self) { try AdamW.Recipe(yaml: "", set: [setting]) }
  }
}
