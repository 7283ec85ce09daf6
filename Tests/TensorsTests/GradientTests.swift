import Foundation
import Testing

@testable import Tensors

@Suite("Gradients") struct GradientTests {
  @Test func backwardAccumulatesInEveryLeaf() throws {
    let w = Tensor.full(3, [2]).requiringGradient(), v = Tensor.full(5, [2]).requiringGradient()
    #expect(w.requiresGradient)
    #expect(w.gradient == nil)
    try (w * w * v).sum().backward()
    try expect(w.gradient!, [30, 30])
    try expect(v.gradient!, [9, 9])
    try (w * 1).sum().backward()
    try expect(w.gradient!, [31, 31])
    try InPlace.clearGradients([w])
    #expect(w.gradient == nil)
    try expect(v.gradient!, [9, 9])
  }

  @Test func gradientsDoNotAccumulateInTheLeaves() throws {
    let x = Tensor([1, 2, 3] as [Double]).requiringGradient(), y = Tensor([1] as [Double]).requiringGradient()
    let found = try x.pow(3).sum().gradients(of: [x, y])
    try expect(found[0]!, [3, 12, 27])
    #expect(found[1] == nil)
    #expect(x.gradient == nil)
    // For a vector, with a factor per element.
    try expect(try x.square().gradients(of: [x], weights: Tensor([1, 10, 100] as [Double]))[0]!, [2, 40, 600])
  }

  @Test func aGradientCanItselfBeDifferentiated() throws {
    let x = Tensor([2] as [Double]).requiringGradient()
    let first = try x.pow(4).sum().gradients(of: [x], recording: true)[0]!
    try expect(try first.sum().gradients(of: [x])[0]!, [48])
    let plain = try x.pow(4).sum().gradients(of: [x])[0]!
    #expect(!plain.requiresGradient)
  }

  @Test func theyEqualFiniteDifferences() throws {
    // A chain of network operations in float64, by central differences.
    let random = Generator(seed: 4)
    let weight = Tensor.randn([4, 2, 3, 3], dtype: .float64, using: random), table = Tensor.randn([3, 4], dtype: .float64, using: random)
    func value(_ x: Tensor) -> Tensor {
      let h = x.conv2d(weight, padding: 1).avgPool2d(2).interpolate(height: 4, width: 4, .nearest).groupNorm(groups: 2, activation: .silu)
      let rows = h.permute(0, 2, 3, 1).reshape(1, 1, 16, 4)
      return (Tensor.attention(rows, rows, rows).reshape(16, 4).linear(table).softmax(-1) * counting(16, 3, dtype: .float64)).sum()
    }
    let x = Tensor.randn([1, 2, 4, 4], dtype: .float64, using: random)
    let leaf = x.requiringGradient()
    let slopes = try value(leaf).gradients(of: [leaf])[0]!.doubles()
    for (place, slope) in slopes.enumerated() {
      var bump = [Double](repeating: 0, count: x.count)
      bump[place] = 1e-5
      let step = Tensor(bump, x.shape)
      let found = try (value(x + step).item() - value(x - step).item()) / 2e-5
      #expect(abs(found - slope) < 1e-6 * max(1, abs(slope)))
    }
  }

  @Test func scopesNestAndEndWhenAnErrorIsThrown() throws {
    struct Stop: Error {}
    let x = Tensor.ones([1]).requiringGradient()
    #expect(isGradientEnabled)
    withoutGradient {
      #expect(!isGradientEnabled)
      #expect(!(x * 2).requiresGradient)
      withGradient {
        #expect(isGradientEnabled)
        #expect((x * 2).requiresGradient)
      }
      #expect(!isGradientEnabled)
    }
    #expect(isGradientEnabled)
    #expect(throws: Stop.self) { try withoutGradient { throw Stop() } }
    #expect(isGradientEnabled)
    #expect(throws: Stop.self) { try withoutGradient { try withGradient { throw Stop() } } }
    #expect(isGradientEnabled)
  }

  @Test func differentiatingWithoutAGraphIsAFault() throws {
    let x = Tensor.ones([2]).requiringGradient()
    #expect(throws: TorchFault.self) { try (x * 2).backward() }
    #expect(throws: TorchFault.self) { try Tensor.ones([]).backward() }
    #expect(throws: TorchFault.self) { try x.detach().sum().backward() }
    #expect(Tensor([1]).requiringGradient().fault != nil)
    let used = (x * x).sum()
    try used.backward()
    #expect(throws: TorchFault.self) { try used.backward() }
  }
}

@Suite("Autocast") struct AutocastTests {
  private let x = Tensor.ones([2, 2]), w = Tensor.full(2, [2, 2])

  @Test func productsHaveItsDtypeOnlyWithinTheScope() {
    withAutocast(to: .bfloat16, on: .cpu) {
      #expect(x.linear(w).dtype == .bfloat16)
      #expect(x.matmul(w).dtype == .bfloat16)
      #expect(Tensor.ones([1, 1, 3, 3]).conv2d(.ones([1, 1, 3, 3])).dtype == .bfloat16)
      #expect((x + w).dtype == .float32)
    }
    #expect(x.matmul(w).dtype == .float32)
  }

  @Test func scopesNestAndRestoreTheOuterState() {
    withAutocast(to: .bfloat16, on: .cpu) {
      withAutocast(to: .float16, on: .cpu) { #expect(x.matmul(w).dtype == .float16) }
      #expect(x.matmul(w).dtype == .bfloat16)
      withAutocast(to: .float32, on: .cpu) { #expect(x.matmul(w).dtype == .float32) }
      #expect(x.matmul(w).dtype == .bfloat16)
    }
    #expect(x.matmul(w).dtype == .float32)
  }

  @Test func aThrowEndsTheScope() {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try withAutocast(to: .bfloat16, on: .cpu) { throw Stop() } }
    #expect(x.matmul(w).dtype == .float32)
  }

  @Test func onOtherDevicesNothingHappens() {
    let y = withAutocast(to: .bfloat16, on: .meta) { x.matmul(w) }
    #expect(y.dtype == .float32)
  }

  @Test func aStepBetweenTwoScopesIsSeen() throws {
    let leaf = w.clone().requiringGradient()
    func product() -> Tensor { withAutocast(to: .bfloat16, on: .cpu) { x.matmul(leaf) } }
    try expect(product().detach(), [4, 4, 4, 4], [2, 2])
    try InPlace.copy(.full(3, [2, 2]), into: leaf)
    try expect(product().detach(), [6, 6, 6, 6], [2, 2])
  }

  @Test func gradientsOfWeightsAreInTheWeightsDtype() throws {
    let leaf = w.clone().requiringGradient()
    let y = withAutocast(to: .bfloat16, on: .cpu) { x.linear(leaf) }
    try y.to(.float32).sum().backward()
    #expect(leaf.gradient?.dtype == .float32)
    try expect(leaf.gradient!, [2, 2, 2, 2], [2, 2])
  }
}
