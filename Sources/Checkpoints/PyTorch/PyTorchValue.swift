import Tensors

/// Something in a PyTorch file that is not a tensor of the state dict: a step, a rate, the optimiser's settings.
public indirect enum PyTorchValue: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  /// Also a whole number of more than 64 bits: little-endian, two's complement.
  case bytes([UInt8])
  /// A list, tuple or set.
  case list([PyTorchValue])
  /// Entries in the file's order.
  case dictionary([(key: PyTorchValue, value: PyTorchValue)])
  /// A tensor that is not part of the state dict; its numbers are not read.
  case tensor(DType, shape: [Int])
  /// An object of this class, or the result of this function, of Python's; nothing of it was run.
  case foreign(String)

  public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  public var number: Double? {
    switch self {
    case .number(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }
  public var text: String? { if case .text(let text) = self { text } else { nil } }
  /// The value under a key of a dictionary.
  public subscript(key: String) -> PyTorchValue? {
    guard case .dictionary(let pairs) = self else { return nil }
    return pairs.last { $0.key.text == key }?.value
  }
}

/// Unfolds a pickle's values. What is shared there is repeated here, so both depth and number are bounded.
struct PickleUnfolding {
  let pickle: Pickle
  let source: PickleSource
  let summary: (Int) -> (dtype: DType, shape: [Int])
  private var budget = 1_000_000

  static let depthLimit = 64

  init(_ pickle: Pickle, _ source: PickleSource, summary: @escaping (Int) -> (dtype: DType, shape: [Int])) {
    (self.pickle, self.source, self.summary) = (pickle, source, summary)
  }

  mutating func value(_ value: Pickle.Value, depth: Int = 0) throws(CheckpointError) -> PyTorchValue {
    switch value {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .longInteger(let bytes): return .bytes(bytes)
    case .number(let value): return .number(value)
    case .text(let text): return .text(text)
    case .bytes(let bytes): return .bytes(bytes)
    case .tensor(let index): return .tensor(summary(index).dtype, shape: summary(index).shape)
    case .storage(let index): return .tensor(pickle.storages[index].dtype, shape: [pickle.storages[index].range.count])
    case .global(let global): return .foreign(global.name)
    case .foreign(let index): return .foreign(pickle.foreigns[index].name)
    case .container(let index): return try container(pickle.containers[index], depth: depth)
    }
  }

  private mutating func container(_ container: Pickle.Container, depth: Int) throws(CheckpointError) -> PyTorchValue {
    guard depth < Self.depthLimit else {
      throw source.failure("values are nested deeper than \(Self.depthLimit), or within themselves", at: container.offset)
    }
    budget -= container.items.count
    guard budget >= 0 else { throw source.failure("shared values unfold to more than a million", at: container.offset) }
    var items: [PyTorchValue] = []
    for item in container.items { items.append(try value(item, depth: depth + 1)) }
    guard container.kind == .dictionary else { return .list(items) }
    return .dictionary(stride(from: 0, to: items.count - 1, by: 2).map { (items[$0], items[$0 + 1]) })
  }
}
