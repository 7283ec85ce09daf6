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
/// With an empty key, a property's entries appear under its owner's prefix.
public protocol Module: AnyObject {
  associatedtype StateKeys: RawRepresentable & CaseIterable = NoStateKeys where StateKeys.RawValue == String
}

/// The `StateKeys` of a module whose keys are all derived from its properties' names.
public enum NoStateKeys: String, CaseIterable {
  case none
}

/// A stored property that is neither state nor a submodule, such as weights packed from a parameter.
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
  /// All parameters and buffers with their state-dict keys, in order of declaration. Walks the whole module, so keep the result
  /// rather than calling it repeatedly.
  public func state() -> [(name: String, entry: StateEntry)] {
    var walk = StateWalk()
    walk.visit(self, at: "")
    return walk.entries
  }

  /// The parameters with their state-dict keys. Faults of operations on them will contain these names.
  public func namedParameters() -> [(name: String, parameter: Parameter)] {
    state().compactMap { name, entry in
      guard case .parameter(let parameter) = entry else { return nil }
      parameter.label(name)
      return (name, parameter)
    }
  }

  /// The buffers with their state-dict keys.
  public func namedBuffers() -> [(name: String, buffer: Buffer)] {
    state().compactMap { name, entry in
      guard case .buffer(let buffer) = entry else { return nil }
      return (name, buffer)
    }
  }

  public func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

  /// This module and all its submodules, each with the prefix of its keys.
  public func modules() -> [(name: String, module: any Module)] {
    var walk = StateWalk()
    walk.visit(self, at: "")
    return walk.modules
  }

  /// The number of elements in all parameters.
  public var parameterCount: Int { state().reduce(0) { if case .parameter(let p) = $1.entry { $0 + p.value.count } else { $0 } } }

  /// A snapshot of the state: further training does not change it.
  public func stateDict() -> StateDict { StateDict(state().map { ($0.name, $0.entry.value.detach().clone()) }) }

  /// Overwrites the whole state.
  /// - Throws: `StateMismatch` if a name is missing, unexpected or has another shape, in which case nothing is changed; a fault
  ///   if the module has shapes only or was prepared for inference.
  public func load(_ dict: StateDict) throws {
    let entries = state()
    try StateMismatch.check(expected: entries.map { ($0.name, $0.entry.value.shape) }, found: dict)
    for (name, entry) in entries { try entry.assign(dict[name]!) }
  }
}

extension Module {
  /// Replaces the state with the tensors of `dict`, which may be mapped from a file. For inference only, since mapped memory is not
  /// writable. Half precision is widened to float32.
  /// - Throws: `StateMismatch`, like `load`.
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

/// The differences between a state dict and the state of a module.
public struct StateMismatch: ClassifiedError, CustomStringConvertible {
  /// One line per difference: missing, of another shape, or unexpected.
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
