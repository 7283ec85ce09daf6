import Tensors
import Testing

@testable import NN

private final class Convolution: Module {
  let weight = Parameter(.ones([2, 3])), bias: Parameter?
  let padding: (any Sendable & Encodable)? = 1
  init(bias: Bool) { self.bias = bias ? Parameter(.zeros([2])) : nil }
}

private final class Block: Module {
  enum Order: String, Codable { case first, last }
  enum Edge { case constant(Double), reflect }

  let normIn = Convolution(bias: true), skipConnection: Convolution?
  let conv1: Convolution, outputLayers: [[any Module]], empty: [Convolution] = []
  let runningMean = Buffer(.zeros([4])), tables = [Parameter(.ones([1])), Parameter(.ones([5]))]
  let name = "block", width = 3, rate: Double? = nil, order = Order.last, edge = Edge.constant(2), dtype = DType.float32
  let sizes = [1, 2], device = Device.cuda(1), seed = Seed(1)

  enum StateKeys: String, CaseIterable {
    case normIn = "in_layers.0", conv1 = "in_layers.2"
  }

  init(skip: Bool) {
    skipConnection = skip ? Convolution(bias: false) : nil
    conv1 = Convolution(bias: false)
    outputLayers = [[Convolution(bias: true)], [Convolution(bias: false), Convolution(bias: true)]]
  }
}

@Suite("The state of a module") struct StateWalkTests {
  @Test func keysAreSnakeCaseOrGivenAndInOrderOfDeclaration() {
    #expect(
      Block(skip: true).state().map { $0.name } == [
        "in_layers.0.weight", "in_layers.0.bias", "skip_connection.weight", "in_layers.2.weight", "output_layers.0.0.weight",
        "output_layers.0.0.bias", "output_layers.1.0.weight", "output_layers.1.1.weight", "output_layers.1.1.bias", "running_mean",
        "tables.0", "tables.1",
      ])
  }

  @Test func nilPropertiesHaveNoKeys() {
    let names = Block(skip: false).state().map { $0.name }
    #expect(names.count == 11 && !names.contains { $0.hasPrefix("skip_connection") })
  }

  @Test func buffersAreStateButNotParameters() {
    let block = Block(skip: false)
    #expect(block.namedParameters().map { $0.name } == block.state().map { $0.name }.filter { $0 != "running_mean" })
    #expect(block.parameterCount == block.parameters().reduce(0) { $0 + $1.value.count })
    #expect(block.parameterCount == 5 * 6 + 3 * 2 + 1 + 5)
    #expect(block.stateDict()["running_mean"]?.shape == [4])
  }

  @Test func modulesAreListedWithTheirPrefixes() {
    #expect(
      Block(skip: true).modules().map { $0.name } == [
        "", "in_layers.0", "skip_connection", "in_layers.2", "output_layers.0.0", "output_layers.1.0", "output_layers.1.1",
      ])
  }

  @Test func aModuleThatIsAllOfItsParentsStateNeedsNoKeys() {
    final class Parent: Module { let child = Convolution(bias: true) }
    #expect(Parent().state().map { $0.name } == ["child.weight", "child.bias"])
  }

  @Test func aFaultNamesTheParameterInvolved() {
    let linear = Linear(3, 2, using: Initializer(Generator(seed: 1)))
    _ = linear.namedParameters()
    #expect(linear(.ones([1, 4])).fault?.operands == ["[1, 4]", "weight [2, 3]", "bias [2]"])
  }

  @Test(arguments: [("weight", "weight"), ("skipConnection", "skip_connection"), ("conv1", "conv1"), ("toQKV", "to_q_k_v")])
  func namesBecomeSnakeCase(name: String, key: String) { #expect(snakeCase(name) == key) }

  @Test func entriesOfAnEmptyKeyAppearUnderTheOwnersPrefix() {
    final class Inner: Module { let first = Convolution(bias: false), second = [Convolution(bias: false)] }
    final class Outer: Module {
      let inner = Inner(), last = Convolution(bias: true)
      enum StateKeys: String, CaseIterable { case inner = "" }
    }
    final class Owner: Module { let outer = Outer() }
    let names = ["first.weight", "second.0.weight", "last.weight", "last.bias"]
    #expect(Outer().state().map(\.name) == names)
    #expect(Owner().state().map(\.name) == names.map { "outer.\($0)" })
  }
}
