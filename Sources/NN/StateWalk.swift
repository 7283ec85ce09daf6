import Tensors

/// Finds the state of a module by reflection. A property that it cannot interpret would never be trained or saved; that is a mistake
/// in the module's declaration, so it stops the program.
struct StateWalk {
  var entries: [(name: String, entry: StateEntry)] = []
  var modules: [(name: String, module: any Module)] = []
  private var names: Set<String> = []

  mutating func visit(_ value: Any, at path: String) {
    switch value {
    case let parameter as Parameter: record(.parameter(parameter), at: path)
    case let buffer as Buffer: record(.buffer(buffer), at: path)
    case let module as any Module: visit(module: module, at: path)
    case is Tensor: stop("\(path) is a bare Tensor: make it a Parameter, which is trained, or a Buffer, which is saved")
    case is any NotState: break
    case let optional as any AnyOptional: if let wrapped = optional.anyWrapped { visit(wrapped, at: path) }
    case let array as [Any]:
      for (index, element) in array.enumerated() { visit(element, at: join(path, "\(index)")) }
    default: checkPlain(value, at: path)
    }
  }

  private mutating func record(_ entry: StateEntry, at path: String) {
    guard names.insert(path).inserted else { stop("two properties have the key \(path), of which one would be lost") }
    entries.append((path, entry))
  }

  private mutating func visit(module: any Module, at path: String) {
    modules.append((path, module))
    let mirror = Mirror(reflecting: module)
    guard mirror.superclassMirror == nil else { stop("\(type(of: module)) has a superclass, whose properties would not be found") }
    var keys = type(of: module).keyTable
    for child in mirror.children {
      guard let label = child.label else { continue }
      guard !label.hasPrefix("$__lazy_storage_$_") else { stop("\(type(of: module)) has a lazy property: its state comes and goes") }
      visit(child.value, at: join(path, keys.removeValue(forKey: label) ?? snakeCase(label)))
    }
    if let stray = keys.keys.first { stop("\(type(of: module)).StateKeys names no property: \(stray)") }
  }

  /// Any other property must be a number, a string, an enum or a recipe: state within anything else would not be found.
  private func checkPlain(_ value: Any, at path: String) {
    let isPlain =
      switch Mirror(reflecting: value).displayStyle {
      case .enum: !Self.holdsState(value)
      case .class, .dictionary, .set, .tuple: false
      default: value is any Encodable
      }
    if !isPlain { stop("\(path) is a \(type(of: value)): state in it would not be found; use a property of its own or an array") }
  }

  private static func holdsState(_ value: Any) -> Bool {
    value is Parameter || value is Buffer || value is any Module || value is Tensor
      || Mirror(reflecting: value).children.contains { holdsState($0.value) }
  }

  /// The entries of a property with an empty key appear under its owner's prefix.
  private func join(_ path: String, _ key: String) -> String { path.isEmpty || key.isEmpty ? path + key : "\(path).\(key)" }

  private func stop(_ message: String) -> Never { fatalError("module state: \(message)") }
}

private protocol AnyOptional {
  var anyWrapped: Any? { get }
}
extension Optional: AnyOptional {
  var anyWrapped: Any? { map { $0 as Any } }
}

extension Module {
  /// Maps property names to keys, for keys that are not the name in snake case.
  fileprivate static var keyTable: [String: String] {
    if StateKeys.self == NoStateKeys.self { return [:] }
    return Dictionary(uniqueKeysWithValues: StateKeys.allCases.map { ("\($0)", $0.rawValue) })
  }
}

/// `skipConnection` to `skip_connection`.
func snakeCase(_ name: String) -> String {
  name.reduce(into: "") { text, character in
    if character.isUppercase { text += "_" + character.lowercased() } else { text.append(character) }
  }
}
