import Testing

@testable import Tensors

@Suite("Faults") struct FaultTests {
  @Test func passThroughOperationsUntilDataIsRead() throws {
    let later = Tensor.cat([(broken + 1).silu(), .ones([2])], dim: 0).sum()
    #expect(later.fault == broken.fault)
    #expect(throws: broken.fault!) { try later.item() }
    #expect(throws: broken.fault!) { try later.ints() }
    #expect(throws: broken.fault!) { try later.floats() }
    #expect(throws: broken.fault!) { try later.bytes() }
    #expect(throws: broken.fault!) { try later.validated() }
    #expect(throws: broken.fault!) { try later.backward() }
    #expect(throws: broken.fault!) { try Tensor.ones([]).gradients(of: [later]) }
    #expect(throws: broken.fault!) { try InPlace.copy(later, into: .ones([1])) }
    #expect(later.gradient == nil)
    try Tensor.ones([1]).validated()
  }

  @Test func describeTheProblemAndTheOperands() {
    let fault = broken.fault!
    #expect(fault.operation == "matmul")
    #expect(fault.operands == ["[2, 3]", "[4, 5]"])
    #expect(fault.kind == .invalid)
    #expect(!fault.message.isEmpty && !fault.message.contains("\n"))
    #expect(fault.description == "matmul([2, 3], [4, 5]) failed: \(fault.message)")
    #expect("\(broken)" == "Tensor(\(fault))")
  }

  @Test func nameTheParameterAndTheInnermostModule() {
    let weight = Tensor.ones([4, 5], dtype: .bfloat16).labelled("out.weight")
    let fault = Tensor.ones([2, 3]).matmul(weight).arising(in: "middle_block.1").arising(in: "middle_block").fault!
    #expect(fault.operands == ["[2, 3]", "out.weight [4, 5] bfloat16"])
    #expect(fault.module == "middle_block.1")
    #expect(fault.description.hasPrefix("matmul([2, 3], out.weight [4, 5] bfloat16) failed in middle_block.1: "))
    #expect(Tensor.ones([1]).arising(in: "x").fault == nil)
    #expect(broken.labelled("x").fault == broken.fault)
  }

  @Test func aLayerRejectsAnInputAndAnEarlierFaultIsKept() {
    let refused = Tensor.ones([3]).failed("unet", "expected 4 channels")
    #expect(refused.fault == TorchFault(operation: "unet", operands: ["[3]"], message: "expected 4 channels"))
    #expect(broken.failed("unet", "expected 4 channels").fault == broken.fault)
  }

  @Test func everyOperationPassesAFailedTensorOn() {
    #expect(broken.shape == [])
    #expect(broken.rank == 0)
    #expect(broken.size(3) == 1)
    #expect(broken.count == 0)
    #expect(broken.strides == [])
    for parts in [broken.chunk(3, dim: 1), broken.split([1, 2, 3], dim: 0)] {
      #expect(parts.count == 3)
      for part in parts { #expect(part.fault == broken.fault) }
    }
    #expect(broken.chunk(0, dim: 0).map(\.fault) == [broken.fault])
    for x in [
      broken.narrow(0, 0, 5), broken.to(.float64), broken.to(.cpu), broken.image(3), broken.meanPerImage(), broken.reshape(1),
      broken.requiringGradient(), broken.detach(), Tensor.ones([1]) + broken, broken.dropout(0.5, using: Generator(seed: 0)),
    ] {
      #expect(x.fault == broken.fault)
    }
  }

  @Test func runningOutOfMemoryIsDistinguished() {
    #expect(Tensor.empty([1 << 50]).fault?.kind == .outOfMemory)
    #expect((Tensor.ones([1]).expand(1 << 50) + 1).fault?.kind == .outOfMemory)
    // A shape whose size in bytes overflows is a mistake, not a lack of memory.
    #expect(Tensor.empty([1 << 62, 1 << 62]).fault?.kind == .invalid)
    #expect(Tensor.empty([-1]).fault?.kind == .invalid)
  }

  @Test func theNextOperationOnTheThreadIsUnaffected() throws {
    _ = Tensor.ones([2]).matmul(.ones([3]))
    try expect(Tensor.ones([2]) + 1, [2, 2])
    let fault = Tensor.ones([2]).reshape(3).fault
    #expect(fault?.operation == "reshape")
  }
}
