import Tensors
import Testing

@testable import NN

private class Base { let weight = Parameter(.ones([1])) }

/// A declaration whose state would be lost, and a part of the expected message.
private enum Trap: String, CaseIterable, Codable, CustomTestStringConvertible {
  case bareTensor, strayKey, dictionary, tuple, superclass, payload, plainClass, closure, lazyModule, sameKeyTwice, setOfNumbers

  var message: String {
    switch self {
    case .bareTensor: "inner.table is a bare Tensor: make it a Parameter, which is trained, or a Buffer, which is saved"
    case .strayKey: "StateKeys names no property: norm"
    case .dictionary: "layers is a Dictionary<String, Linear>: state in it would not be found"
    case .tuple: "pair is a (Linear, Linear): state in it would not be found"
    case .superclass: "has a superclass, whose properties would not be found"
    case .payload: "pooling is a Pooling: state in it would not be found"
    case .plainClass: "base is a Base: state in it would not be found"
    case .closure: "activation is a (Tensor) -> Tensor: state in it would not be found"
    case .lazyModule: "has a lazy property: its state comes and goes"
    case .sameKeyTwice: "two properties have the key weight, of which one would be lost"
    case .setOfNumbers: "levels is a Set<Int>: state in it would not be found"
    }
  }
  var testDescription: String { rawValue }

  /// Walks the declaration.
  func spring() {
    switch self {
    case .bareTensor:
      final class Inner: Module { let table = Tensor.ones([1]) }
      final class Outer: Module { let inner = Inner() }
      _ = Outer().state()
    case .strayKey:
      final class Stray: Module {
        let weight = Parameter(.ones([1]))
        enum StateKeys: String, CaseIterable { case weight = "w", norm = "in_layers.0" }
      }
      _ = Stray().state()
    case .dictionary:
      final class Hidden: Module { let layers = ["a": Linear(1, 1, using: .shapes)] }
      _ = Hidden().state()
    case .tuple:
      final class Hidden: Module { let pair = (Linear(1, 1, using: .shapes), Linear(1, 1, using: .shapes)) }
      _ = Hidden().state()
    case .superclass:
      final class Derived: Base, Module {}
      _ = Derived().state()
    case .payload:
      enum Pooling { case mean, attention(Linear, heads: Int) }
      final class Hidden: Module { let pooling = Pooling.attention(Linear(1, 1, using: .shapes), heads: 2) }
      _ = Hidden().state()
    case .plainClass:
      final class Hidden: Module { let base = Base() }
      _ = Hidden().state()
    case .closure:
      final class Hidden: Module { let activation = { (x: Tensor) -> Tensor in x } }
      _ = Hidden().state()
    case .lazyModule:
      final class Hidden: Module { lazy var layer = Linear(1, 1, using: .shapes) }
      _ = Hidden().state()
    case .sameKeyTwice:
      final class Twice: Module {
        let weight = Parameter(.ones([1])), scale = Parameter(.ones([1]))
        enum StateKeys: String, CaseIterable { case scale = "weight" }
      }
      _ = Twice().state()
    case .setOfNumbers:
      final class Hidden: Module { let levels: Set = [1, 2] }
      _ = Hidden().state()
    }
  }
}

@Suite("State that would be lost stops the program") struct StateTrapTests {
  @Test(arguments: Trap.allCases) private func aPropertyThatTheWalkWouldMissIsNamed(trap: Trap) async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [trap = trap as Trap] in trap.spring() }
    let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(said.contains("module state: ") && said.contains(trap.message), "\(said.prefix(400))")
  }
}
