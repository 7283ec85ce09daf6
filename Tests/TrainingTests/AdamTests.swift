import RecipeKit
import Tensors
import Testing

@testable import Training

@Suite("Adam, and weight decay") struct AdamTests {
  /// The sum of factor times parameter, whose gradient is the factor.
  private func step(_ optimizer: any Optimizer, _ numbers: Numbers, _ factors: [Float]) throws {
    try optimizer.clearGradients()
    try (numbers.weight.value * Tensor(factors)).sum().backward()
    try optimizer.step(learningRate: 0.1)
  }

  /// Kingma and Ba, algorithm 1, in float64, with the decay as a part of the gradient.
  private func expected(_ start: Double, _ gradients: [Double], decay: Double) -> Double {
    var (x, m, v) = (start, 0.0, 0.0)
    for (index, gradient) in gradients.enumerated() {
      let g = gradient + decay * x, t = Double(index + 1)
      (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g)
      var (c, d) = (1.0, 1.0)
      for _ in 0..<Int(t) { (c, d) = (c * 0.9, d * 0.999) }
      x -= 0.1 * (m / (1 - c)) / ((v / (1 - d)).squareRoot() + 1e-8)
    }
    return x
  }

  @Test func threeStepsWithWeightDecayEqualThePapers() throws {
    let numbers = Numbers([4, -2, 0.5, 1])
    var recipe = Adam.Recipe()
    recipe.weightDecay = 0.3
    let optimizer = Adam(numbers.namedParameters(), recipe)
    for factor in [1, -0.5, 2] as [Float] { try step(optimizer, numbers, [factor, factor, factor, factor]) }
    for (found, start) in zip(try numbers.floats, [4, -2, 0.5, 1]) {
      #expect(abs(Double(found) - expected(start, [1, -0.5, 2], decay: 0.3)) < 1e-5)
    }
  }

  @Test func withoutDecayItIsAdamW() throws {
    let numbers = Numbers(), others = Numbers()
    let adam = Adam(numbers.namedParameters()), adamW = AdamW(others.namedParameters())
    for factors in [[1, 2, 3, 4], [-1, 0.5, 0, 2]] as [[Float]] {
      try step(adam, numbers, factors)
      try step(adamW, others, factors)
    }
    #expect(try numbers.stateDict().content == others.stateDict().content)
    #expect(try adam.stateDict().content == adamW.stateDict().content)
  }

  /// A bias has one axis, a weight has two.
  @Test(arguments: ["adam", "adamw"]) func leavesNormsAndBiasesAloneOnRequest(type: String) throws {
    func moved(_ all: Bool) throws -> [Double] {
      let layer = Pair()
      let recipe = try TrainingRecipe(
        yaml: "optimizer: { type: \(type), weight_decay: 0.5, decay_norms_and_biases: \(all), eps: 1 }")
      let optimizer = recipe.optimizer.member.makeOptimizer(for: layer.namedParameters())
      try ((layer.weight.value + layer.bias.value).sum() * 0).backward()
      try optimizer.step(learningRate: 0.1)
      return try [layer.bias, layer.weight].map { try 4 - $0.value.detach().doubles()[0] }
    }
    let all = try moved(true), some = try moved(false)
    #expect(all[0] > 0.01 && all[0] == all[1])
    #expect(some[0] == 0 && some[1] == all[1])
  }
}
