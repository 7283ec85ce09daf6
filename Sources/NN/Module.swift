import Failures
import Tensors

/// A part of a network: a final class whose stored properties are parameters, buffers, modules, arrays or optionals of
/// these, and plain values.
///
/// State-dict keys are the properties' names in snake case; elements of arrays are numbers; nil is absent. A nested
/// `enum StateKeys: String, CaseIterable` gives the keys that differ, as one writes `CodingKeys`:
///
///     enum StateKeys: String, CaseIterable { case norm = "in_layers.0", convolution = "in_layers.2" }
///
/// An empty key puts the parts of a property among those of its owner, without a prefix.
public protocol Module: AnyObject {
  associatedtype StateKeys: RawRepresentable & CaseIterable = NoStateKeys where StateKeys.RawValue == String
}

/// The `StateKeys` of a module whose keys are all its properties' names.
public enum NoStateKeys: String, CaseIterable {
  case none
}

/// A stored property that is neither state nor a part of the network, such as weights packed from a parameter.
package protocol NotState {}
extension PackedConv2d: NotState {}

/// One entry of a module's state.
public enum StateEntry {
  case parameter(Parameter)
  case buffer(Buffer)

  public var value: Tensor {
    switch self {
    case .parameter(let parameter): parameter.value
    case .buffer(let buffer): buffer.value
    }
  }

  func assign(_ tensor: Tensor) throws(TorchFault) {
    switch self {
    case .parameter(let parameter): try parameter.assign(tensor)
    case .buffer(let buffer): try buffer.assign(tensor)
    }
  }
}

extension Module {
  /// Every parameter and buffer under its state-dict key, in the order of declaration. Walks the whole module: keep the
  /// result where it is needed again.
  public func state() -> [(name: String, entry: StateEntry)] {
    var walk = StateWalk()
    walk.visit(self, at: "")
    return walk.entries
  }

  /// The parameters under their state-dict keys. Operations on them will tell these names when they fail.
  public func namedParameters() -> [(name: String, parameter: Parameter)] {
    state().compactMap { name, entry in
      guard case .parameter(let parameter) = entry else { return nil }
      parameter.label(name)
      return (name, parameter)
    }
  }

  public func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

  /// This module and every module in it, each with the prefix of its keys.
  public func modules() -> [(name: String, module: any Module)] {
    var walk = StateWalk()
    walk.visit(self, at: "")
    return walk.modules
  }

  /// Elements of all parameters together.
  public var parameterCount: Int { state().reduce(0) { if case .parameter(let p) = $1.entry { $0 + p.value.count } else { $0 } } }

  /// A snapshot of the state: further training does not change it.
  public func stateDict() -> StateDict { StateDict(state().map { ($0.name, $0.entry.value.detach().clone()) }) }

  /// Overwrites the whole state.
  /// - Throws: `StateMismatch` when a name is missing, not known, or of another shape; nothing is changed then. A fault
  ///   when the module has shapes only, or is for inference alone.
  public func load(_ dict: StateDict) throws {
    let entries = state()
    try StateMismatch.check(expected: entries.map { ($0.name, $0.entry.value.shape) }, found: dict)
    for (name, entry) in entries { try entry.assign(dict[name]!) }
  }
}

extension Module {
  /// Takes the tensors of `dict` as they are, mapped from a file perhaps, in the place of the state: for inference only,
  /// since what training would change may not be writable. Half precision is widened to float32.
  /// - Throws: `StateMismatch`, as `load`.
  public func adopt(_ dict: StateDict, on device: Device) throws {
    let entries = state()
    try StateMismatch.check(expected: entries.map { ($0.name, $0.entry.value.shape) }, found: dict)
    for (name, entry) in entries {
      let tensor = dict[name]!
      let value = try (tensor.dtype.isFloatingPoint ? tensor.to(.float32) : tensor).to(device).labelled(name).validated()
      switch entry {
      case .parameter(let parameter): parameter.replace(with: value)
      case .buffer(let buffer): buffer.replace(with: value)
      }
    }
  }
}

/// How a state dict differs from what a module needs.
public struct StateMismatch: ClassifiedError, CustomStringConvertible {
  /// One line a difference: missing, of another shape, or not known.
  public let differences: [String]

  public static func check(expected: [(String, [Int])], found dict: StateDict) throws {
    var differences: [String] = []
    for (name, shape) in expected {
      guard let tensor = dict[name] else {
        differences.append("\(name): expected \(shape), found nothing")
        continue
      }
      let tensorShape = try tensor.validated().shape
      if tensorShape != shape { differences.append("\(name): expected \(shape), found \(tensorShape)") }
    }
    let known = Set(expected.map(\.0))
    for name in dict.names where !known.contains(name) { differences.append("\(name): not part of this network") }
    if !differences.isEmpty { throw StateMismatch(differences: differences) }
  }

  public var failure: Failure { .data }

  public var description: String {
    let more = differences.count > 3 ? " (and \(differences.count - 3) more)" : ""
    return differences.prefix(3).joined(separator: "\n  ") + more
  }
}
