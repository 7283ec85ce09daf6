import Tensors
import Testing

@testable import NN

private final class Pair: Module {
  let first: Linear, second: Linear, mean = Buffer(.zeros([2]))
  init(seed: UInt64? = nil) {
    let initializer = seed.map { Initializer(Generator(seed: $0)) } ?? .shapes
    first = Linear(2, 3, using: initializer)
    second = Linear(3, 1, using: initializer)
  }
}

@Suite("Saving and loading a module's state") struct ModuleStateTests {
  private func values(_ dict: StateDict) throws -> [[Float]] { try dict.entries.map { try $0.tensor.floats() } }

  /// The message of the mismatch thrown by loading.
  private func complaint(loading dict: StateDict) -> String {
    let pair = Pair(seed: 1)
    let error = #expect(throws: StateMismatch.self) { try pair.load(dict) }
    return error?.description ?? ""
  }

  @Test func aLoadedStateIsTheSavedOne() throws {
    let (a, b) = (Pair(seed: 1), Pair(seed: 2))
    try a.mean.assign(Tensor([5, 6] as [Float]))
    #expect(try values(a.stateDict()) != values(b.stateDict()))
    try b.load(a.stateDict())
    #expect(try values(a.stateDict()) == values(b.stateDict()))
    #expect(b.stateDict().names == ["first.weight", "first.bias", "second.weight", "second.bias", "mean"])
  }

  @Test func furtherTrainingDoesNotChangeASnapshotNorASnapshotTheModule() throws {
    let pair = Pair(seed: 1)
    let snapshot = pair.stateDict()
    let before = try values(snapshot)
    for parameter in pair.parameters() { try parameter.assign(parameter.value.detach() + 1) }
    try pair.mean.assign(Tensor.ones([2]))
    #expect(try values(snapshot) == before)
    #expect(try values(pair.stateDict()) != before)
    let other = Pair(seed: 2)
    try other.load(snapshot)
    try other.first.weight.assign(.zeros([3, 2]))
    #expect(try values(snapshot) == before)
    #expect(!snapshot.entries.contains { $0.tensor.requiresGradient })
  }

  @Test func optimisersThatHoldATensorSeeTheLoadedValues() throws {
    let pair = Pair(seed: 1)
    let held = pair.first.weight.value
    try pair.load(Pair(seed: 2).stateDict())
    #expect(try held.floats() == Pair(seed: 2).first.weight.value.floats())
    #expect(pair.first.weight.value.requiresGradient)
  }

  @Test func everyDifferenceIsReportedAndNothingIsChanged() throws {
    let pair = Pair(seed: 1), good = Pair(seed: 2).stateDict()
    let before = try values(pair.stateDict())
    var dict = good
    dict["first.bias"] = nil
    #expect(complaint(loading: dict) == "first.bias: expected [3], found nothing")
    dict = good
    dict["second.weight"] = .ones([3, 1])
    #expect(complaint(loading: dict) == "second.weight: expected [1, 3], found [3, 1]")
    dict = good
    dict["third.weight"] = .ones([1])
    #expect(complaint(loading: dict) == "third.weight: not part of this network")
    dict["first.weight"] = nil
    dict["mean"] = .ones([])
    #expect(
      complaint(loading: dict)
        == "first.weight: expected [3, 2], found nothing\n  mean: expected [2], found []\n  third.weight: not part of this network")
    dict["fourth"] = .ones([1])
    dict["fifth"] = .ones([1])
    #expect(complaint(loading: dict).hasSuffix("third.weight: not part of this network (and 2 more)"))
    #expect(throws: StateMismatch.self) { try pair.load(dict) }
    #expect(throws: StateMismatch.self) { try pair.adopt(dict, on: .cpu) }
    #expect(try values(pair.stateDict()) == before)
  }

  @Test func aStateWithAFaultThrowsThatFault() {
    let pair = Pair(seed: 1)
    var dict = pair.stateDict()
    dict["mean"] = Tensor.ones([2]).matmul(.ones([3, 3]))
    let fault = #expect(throws: TorchFault.self) { try pair.load(dict) }
    #expect(fault?.operation == "matmul")
  }

  @Test(arguments: [DType.bfloat16, .float16, .float64, .float32]) func adoptedStatesAreFloat32(dtype: DType) throws {
    let pair = Pair(), source = Pair(seed: 3).stateDict()
    try pair.adopt(StateDict(source.entries.map { ($0.name, $0.tensor.to(dtype)) }), on: .cpu)
    for (name, entry) in pair.state() {
      #expect(entry.value.dtype == .float32 && entry.value.device == .cpu && !entry.value.requiresGradient, "\(name)")
      #expect(try entry.value.floats() == source[name]!.to(dtype).floats(), "\(name)")
    }
    #expect(pair.second(pair.first(.ones([4, 2]))).shape == [4, 1])
    _ = pair.first.weight.value.matmul(.ones([5, 5])).fault.map { #expect($0.operands[0] == "first.weight [3, 2]") }
  }

  @Test func anAdoptedStateIsNotOverwritten() throws {
    // It may be mapped from a file, where writing would crash.
    let pair = Pair()
    try pair.adopt(Pair(seed: 1).stateDict(), on: .cpu)
    let fault = #expect(throws: TorchFault.self) { try pair.load(Pair(seed: 2).stateDict()) }
    #expect(fault?.description.contains("it belongs to a network prepared for inference; change the network being trained") == true)
    #expect(throws: TorchFault.self) { try pair.mean.assign(.ones([2])) }
  }

  @Test func aModuleOfShapesAloneReportsThatItCannotBeLoaded() {
    let fault = #expect(throws: TorchFault.self) { try Pair().load(Pair(seed: 2).stateDict()) }
    #expect(fault?.message.contains("it has a shape but no numbers") == true)
  }
}
