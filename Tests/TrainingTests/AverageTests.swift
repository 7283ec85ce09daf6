import NN
import Tensors
import Testing

@testable import Training

@Suite("The moving average") struct AverageTests {
  /// Changes the parameters and updates the average, `steps` times.
  private func train(_ average: ExponentialMovingAverage, _ numbers: Numbers, steps: Int) throws {
    for step in 0..<steps {
      try numbers.weight.assign(numbers.weight.value.detach() + Double(step + 1))
      try average.update()
    }
  }

  @Test func differsFromTheFirstAndFromTheLiveWeightsAfterSomeSteps() throws {
    let numbers = Numbers(), first = try numbers.floats
    let average = ExponentialMovingAverage(numbers.namedParameters(), rate: 0.9)
    try train(average, numbers, steps: 5)
    let averaged = try #require(average.stateDict()["weight"]).floats()
    for (i, value) in averaged.enumerated() {
      #expect(abs(value - first[i]) > 0.1)
      #expect(try abs(value - numbers.floats[i]) > 0.1)
    }
  }

  @Test func isNoAliasOfTheLiveWeights() throws {
    let numbers = Numbers()
    let average = ExponentialMovingAverage(numbers.namedParameters(), rate: 0.9)
    try average.update()
    let before = try average.stateDict().content
    try numbers.weight.assign(.zeros([4]))
    #expect(try average.stateDict().content == before)
  }

  @Test func warmsUpFromATenthToItsRate() {
    let rates = [0, 1, 2, 8, 80, 90, 100_000].map { ExponentialMovingAverage.warmedUp(0.9, steps: $0) }
    let expected: [Double] = [1 / 10, 2 / 11, 3 / 12, 9 / 18, 0.9, 0.9, 0.9]
    #expect(rates == expected)
  }

  @Test func followsItsFormula() throws {
    let numbers = Numbers([0, 0, 0, 0])
    let average = ExponentialMovingAverage(numbers.namedParameters(), rate: 0.15)
    try train(average, numbers, steps: 3)  // the weights are 1, 3, 6
    var expected = 0.0
    for (step, weight) in [1.0, 3, 6].enumerated() {
      let rate = min(0.15, Double(1 + step) / Double(10 + step))
      expected = rate * expected + (1 - rate) * weight
    }
    for value in try #require(average.stateDict()["weight"]).doubles() { #expect(abs(value - expected) < 1e-6) }
  }

  @Test func resumesFromItsStateToTheBit() throws {
    let numbers = Numbers()
    let average = ExponentialMovingAverage(numbers.namedParameters(), rate: 0.9)
    try train(average, numbers, steps: 3)
    let resumed = ExponentialMovingAverage(numbers.namedParameters(), rate: 0.9)
    try resumed.load(average.stateDict(), steps: average.steps)
    try numbers.weight.assign(.ones([4]))
    for either in [average, resumed] { try either.update() }
    #expect(average.steps == 4 && resumed.steps == 4)
    #expect(try average.stateDict().content == resumed.stateDict().content)
  }

  /// The weights 1, 2, 3 … have the average (γ + 1) / (γ + 2) t in the limit of many steps.
  @Test(arguments: [0.05, 0.1, 0.2]) func ofAPowerFollowsItsClosedForm(length: Double) throws {
    let numbers = Numbers([7, 7, 7, 7]), profile = PowerProfile(length: length), gamma = profile.exponent
    #expect(abs(PowerProfile.length(ofExponent: gamma) - length) < 1e-9)
    let average = ExponentialMovingAverage(numbers.namedParameters(), profile: profile)
    for step in 1...400 {
      try numbers.weight.assign(.full(Double(step), [4]))
      try average.update()
    }
    let value = try #require(average.stateDict()["weight"]).doubles()[0]
    // Steps instead of an integral: half a step off at most, the first weights forgotten.
    #expect(abs(value - (gamma + 1) / (gamma + 2) * 400) < 1)
  }

  @Test func severalAreKeptAndNoneIsAnAliasOfAnother() throws {
    let numbers = Numbers([0, 0, 0, 0])
    let further = FurtherAverages(
      numbers.namedParameters(), [ExponentialProfile(rate: 0.5, warmup: false), ExponentialProfile(rate: 0.9), PowerProfile()])
    for step in 1...4 {
      try numbers.weight.assign(.full(Double(step), [4]))
      try further.update()
    }
    let state = further.stateDict()
    let values = try FurtherAverages.labels(of: state).map { try FurtherAverages.part($0, of: state)["weight"]!.doubles()[0] }
    #expect(FurtherAverages.labels(of: state) == ["power=0.1", "rate=0.5-cold", "rate=0.9"])
    #expect(abs(values[1] - (4 * 0.5 + 3 * 0.25 + 2 * 0.125 + 1 * 0.0625)) < 1e-6)
    #expect(Set(values).count == 3 && values.allSatisfy { $0 > 0 && $0 < 4 })
  }

  @Test func oneThatARecipeAddsLaterBeginsThere() throws {
    let numbers = Numbers()
    let before = FurtherAverages(numbers.namedParameters(), [ExponentialProfile(rate: 0.5)])
    try before.update()
    let state = before.stateDict(), updates = before.updates
    try numbers.weight.assign(.ones([4]))
    let after = FurtherAverages(numbers.namedParameters(), [ExponentialProfile(rate: 0.5), PowerProfile()])
    try after.load(state, updates: updates)
    #expect(after.updates == ["rate=0.5": 1, "power=0.1": 0])
    #expect(try after.averages[1].stateDict()["weight"]?.floats() == [1, 1, 1, 1])
    #expect(try after.averages[0].stateDict().content == before.averages[0].stateDict().content)
  }
}
