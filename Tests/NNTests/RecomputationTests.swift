import Tensors
import Testing

@testable import NN

/// Two linear maps with dropout in between, which count how often they run.
private final class Layer: Module {
  let linear1 = Linear(4, 8, using: Initializer(Generator(seed: 1))), linear2 = Linear(8, 3, using: Initializer(Generator(seed: 2)))
  let dropout = Dropout(0.5)
  private(set) var runs = 0

  func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
    runs += 1
    return linear2(dropout(linear1(x).silu(), mode: mode))
  }
}

@Suite("Recomputation in the backward pass") struct RecomputationTests {
  private let layer = Layer()
  private let x = Tensor.randn([5, 4], using: Generator(seed: 3)).requiringGradient()

  private func run(again: Bool, _ generator: Generator = Generator(seed: 4)) -> Tensor {
    guard again else { return layer(x, mode: .training(generator)) }
    let mode = Mode.training(generator)
    return Recomputation(of: layer)([x], mode: mode) { [layer] in layer($0[0], mode: mode) }
  }

  @Test func hasTheSameResultAndGradients() throws {
    let parameters = layer.parameters().map(\.value)
    let plain = run(again: false), again = run(again: true)
    #expect(layer.runs == 2)
    #expect(try plain.detach().floats() == again.detach().floats())
    let want = try plain.square().sum().gradients(of: [x] + parameters)
    #expect(layer.runs == 2)
    let got = try again.square().sum().gradients(of: [x] + parameters)
    #expect(layer.runs == 3)
    for (a, b) in zip(want, got) { #expect(try #require(a).floats() == #require(b).floats()) }
  }

  @Test func accumulatesInEveryLeaf() throws {
    try run(again: true).square().sum().backward()
    #expect(layer.parameters().allSatisfy { $0.gradient != nil } && x.gradient != nil)
  }

  @Test func doesNotChangeLaterRandomNumbers() throws {
    let plain = Generator(seed: 4), again = Generator(seed: 4)
    try run(again: false, plain).sum().backward()
    try run(again: true, again).sum().backward()
    #expect(try Tensor.randn([4], using: plain).floats() == Tensor.randn([4], using: again).floats())
  }

  @Test func runsUnderTheSameAutocastAgain() throws {
    let plain = withAutocast(to: .bfloat16, on: .cpu) { run(again: false) }
    let again = withAutocast(to: .bfloat16, on: .cpu) { run(again: true) }
    #expect(again.dtype == .bfloat16)
    let want = try #require(try plain.to(.float32).sum().gradients(of: [x])[0])
    let got = try #require(try again.to(.float32).sum().gradients(of: [x])[0])
    #expect(try want.floats() == got.floats())
    let after = run(again: false)
    #expect(after.dtype == .float32)
  }

  @Test func runsOnceIfNoGradientIsNeeded() throws {
    _ = withoutGradient { run(again: true) }
    _ = Recomputation(of: layer)([x], mode: .inference) { [layer] in layer($0[0], mode: .inference) }
    #expect(layer.runs == 2)
  }

  @Test func reportsFaultsOfEitherRun() throws {
    let mode = Mode.training(Generator(seed: 4))
    let first = Recomputation(of: layer)([x], mode: mode) { $0[0].failed("test", "no") }
    #expect(first.fault?.operation == "test")
    var runs = 0
    let second = Recomputation(of: layer)([x], mode: mode) { inputs in
      runs += 1
      return runs == 1 ? inputs[0] * 2 : inputs[0].failed("test", "not again")
    }
    #expect(second.fault == nil)
    let error = #expect(throws: TorchFault.self) { try second.sum().backward() }
    #expect(error?.description.contains("not again") == true)
  }
}
