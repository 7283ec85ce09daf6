/// Named tensors in a fixed order, as a checkpoint holds them.
///
/// Names are PyTorch's, such as `input_blocks.1.0.in_layers.2.weight`.
public struct StateDict: Sendable {
  public private(set) var names: [String] = []
  private var tensors: [String: Tensor] = [:]

  public init() {}

  public init(_ entries: some Sequence<(String, Tensor)>) {
    for (name, tensor) in entries { self[name] = tensor }
  }

  public var count: Int { names.count }

  /// A new name is appended; setting nil removes the entry.
  public subscript(name: String) -> Tensor? {
    get { tensors[name] }
    set {
      if let newValue {
        if tensors.updateValue(newValue, forKey: name) == nil { names.append(name) }
      } else if tensors.removeValue(forKey: name) != nil {
        names.removeAll { $0 == name }
      }
    }
  }

  public var entries: [(name: String, tensor: Tensor)] { names.map { ($0, tensors[$0]!) } }

  /// The entries whose names begin with `prefix`, with the prefix removed.
  public func under(_ prefix: String) -> StateDict {
    StateDict(entries.filter { $0.name.hasPrefix(prefix) }.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
  }

  /// The same tensors with `prefix` added to every name.
  public func prefixed(_ prefix: String) -> StateDict { StateDict(entries.map { (prefix + $0.name, $0.tensor) }) }

  public func merging(_ other: StateDict) -> StateDict {
    var result = self
    for (name, tensor) in other.entries { result[name] = tensor }
    return result
  }

  /// The number of elements in all tensors.
  public var elementCount: Int { entries.reduce(0) { $0 + $1.tensor.count } }
}
