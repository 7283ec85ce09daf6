import Foundation
import Testing

@testable import Tensors

@Suite("Steps over all parameters") struct InPlaceTests {
  /// A leaf whose gradient is `gradient`.
  private func leaf(_ values: [Double], gradient: [Double]) throws -> Tensor {
    let x = Tensor(values).requiringGradient()
    try (x * Tensor(gradient)).sum().backward()
    return x
  }

  private func step(lr: Double, betas: (Double, Double), eps: Double, decay: Double) -> InPlace.AdamStep {
    var step = InPlace.AdamStep(learningRate: lr, betas: betas, eps: eps)
    step.weightDecay = decay
    return step
  }

  /// AdamW as in Loshchilov and Hutter (Algorithm 2, with the schedule multiplier in the learning rate).
  private struct Reference {
    var theta: Double, m = 0.0, v = 0.0, t = 0
    mutating func step(_ g: Double, lr: Double, betas: (Double, Double), eps: Double, decay: Double) {
      t += 1
      m = betas.0 * m + (1 - betas.0) * g
      v = betas.1 * v + (1 - betas.1) * g * g
      let unbiased = (m / (1 - pow(betas.0, Double(t))), v / (1 - pow(betas.1, Double(t))))
      theta -= lr * decay * theta + lr * unbiased.0 / (unbiased.1.squareRoot() + eps)
    }
  }

  @Test func threeStepsOfAdamWEqualThePapers() throws {
    let start = [1.0, -2, 0.5], gradients = [[0.1, -0.2, 3], [0.3, 0.1, -1], [0, -0.5, 0.25]]
    let parameter = Tensor(start).requiringGradient(), moments = InPlace.Moments(of: parameter)
    var reference = start.map { Reference(theta: $0) }
    for gradient in gradients {
      try (parameter * Tensor(gradient)).sum().backward()
      try InPlace.adam([parameter], [moments], step(lr: 0.01, betas: (0.9, 0.99), eps: 1e-8, decay: 0.1))
      try InPlace.clearGradients([parameter])
      for i in start.indices { reference[i].step(gradient[i], lr: 0.01, betas: (0.9, 0.99), eps: 1e-8, decay: 0.1) }
      try expect(parameter.detach(), reference.map(\.theta), within: 1e-14)
    }
    try expect(moments.first, reference.map(\.m), within: 1e-14)
    try expect(moments.second, reference.map(\.v), within: 1e-14)
    try expect(moments.steps, [3], [])
  }

  @Test func theFirstStepOfAdamWEqualsTheLearningRate() throws {
    let parameter = try leaf([1, 1], gradient: [1e-3, -50])
    try InPlace.adam([parameter], [.init(of: parameter)], step(lr: 0.1, betas: (0.9, 0.999), eps: 0, decay: 0))
    try expect(parameter.detach(), [0.9, 1.1], within: 1e-12)
  }

  @Test func aParameterWithoutAGradientIsUnchanged() throws {
    let moved = try leaf([1], gradient: [1]), still = Tensor([5] as [Double]).requiringGradient()
    let moments = [moved, still].map { InPlace.Moments(of: $0) }
    try InPlace.adam([moved, still], moments, step(lr: 0.1, betas: (0.9, 0.999), eps: 0, decay: 0.5))
    try expect(still.detach(), [5])
    try expect(moments[1].steps, [0], [])
    try expect(moved.detach(), [1 - 0.05 - 0.1], within: 1e-12)
  }

  @Test func theLayoutOfAParameterDoesNotMatterToAdamW() throws {
    func stepped(_ parameter: Tensor, _ weights: Tensor) throws -> [UInt8] {
      try (parameter * weights).sum().backward()
      try InPlace.adam([parameter], [.init(of: parameter)], step(lr: 0.1, betas: (0.9, 0.999), eps: 1e-8, decay: 0.1))
      return try parameter.detach().bytes()
    }
    let values = Tensor.randn([2, 3, 4, 5], using: Generator(seed: 1)), weights = Tensor.randn([2, 3, 4, 5], using: Generator(seed: 2))
    let expected = try stepped(values.clone().requiringGradient(), weights)
    #expect(try stepped(values.channelsLast().requiringGradient(), weights) == expected)
    #expect(try stepped(values.channelsLast().requiringGradient(), weights.channelsLast()) == expected)
  }

  @Test func momentsWithAnotherLayoutAreRejected() throws {
    let parameter = try leaf([1, 2], gradient: [1, 1])
    let other = InPlace.Moments(of: Tensor([1, 2, 3] as [Double]))
    #expect(throws: TorchFault.self) {
      try InPlace.adam([parameter], [other], step(lr: 0.1, betas: (0.9, 0.999), eps: 1e-8, decay: 0))
    }
    try expect(parameter.detach(), [1, 2])
  }

  @Test func theNormIsThatOfAllGradientsTogether() throws {
    let a = try leaf([0, 0], gradient: [3, 0]), b = try leaf([0], gradient: [4]), none = Tensor([0] as [Double]).requiringGradient()
    #expect(try InPlace.gradientNorm([a, b, none]) == 5)
    #expect(try InPlace.gradientNorm([none]) == 0)
    let large = Tensor([1e30, 1e30] as [Float]).requiringGradient()
    try (large * Tensor([3e25, 4e25] as [Float])).sum().backward()
    #expect(try abs(InPlace.gradientNorm([large]) / 5e25 - 1) < 1e-6)  // in double precision: squares of float32 would overflow
  }

  /// Float32 parameters take our one pass over memory, float64 ones libtorch's operations: the two must agree. The sizes are not
  /// multiples of vectors and chunks, and one parameter has no gradient.
  @Test(arguments: [(decay: 0.1, penalty: 0.0, scale: 1.0), (0, 0.2, 0.25)])
  func onePassOverMemoryEqualsTheOperations(decay: Double, penalty: Double, scale: Double) throws {
    let shapes = [[1], [17], [3, 5, 3, 3], [16_400], [33_000]], random = Generator(seed: 3)
    let values = shapes.map { Tensor.randn($0, using: random) }, factors = shapes.map { Tensor.randn($0, using: random) }
    func stepped(_ dtype: DType) throws -> [Tensor] {
      let parameters = try values.map { try $0.to(dtype).clone().validated().requiringGradient() }
      let moments = parameters.map { InPlace.Moments(of: $0) }, averages = values.map { (0.5 * $0).to(dtype) }
      var numbers = step(lr: 0.01, betas: (0.9, 0.99), eps: 1e-8, decay: decay)
      (numbers.penalty, numbers.gradientScale, numbers.averageRate) = (penalty, scale, 0.9)
      for _ in 0..<3 {
        for (parameter, factor) in zip(parameters, factors).dropFirst() {
          try (parameter * parameter * factor.to(dtype)).sum().backward()
        }
        try InPlace.adam(parameters, moments, numbers, averages: averages)
        try InPlace.clearGradients(parameters)
      }
      return parameters.map { $0.detach() } + moments.map(\.first) + moments.map(\.second) + averages
    }
    for (single, double) in zip(try stepped(.float32), try stepped(.float64)) {
      // Rounding of float32 in three steps; numbers are of order 1.
      #expect(try (single.to(.float64) - double).abs().max().item() < 2e-5)
    }
  }

  @Test func anAverageMovesByItsRate() throws {
    let average = Tensor([1, 10] as [Double]), other = Tensor([0] as [Double])
    let value = Tensor([3, 20] as [Double]).requiringGradient()
    try InPlace.average([average, other], towards: [value, Tensor([1] as [Double])], rate: 0.75)
    try expect(average, [1.5, 12.5], within: 1e-12)
    try expect(other, [0.25])
    try InPlace.average([average], towards: [value], rate: 1)
    try expect(average, [1.5, 12.5], within: 1e-12)
    try expect(value.detach(), [3, 20])
  }

  @Test func copyingOverwritesInPlaceAndConverts() throws {
    let x = Tensor([1, 2] as [Float]).requiringGradient(), view = x.detach()
    try InPlace.copy(Tensor([5, 6] as [Double]), into: x)
    try expect(view, [5, 6])
    #expect(x.dtype == .float32)
    #expect(throws: TorchFault.self) { try InPlace.copy(.ones([1]), into: x) }
    #expect(throws: TorchFault.self) { try InPlace.copy(.ones([2, 1]), into: x) }
  }
}
