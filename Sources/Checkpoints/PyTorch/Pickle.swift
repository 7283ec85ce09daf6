import Tensors

/// What a pickle says, as data: nothing in it was run. Containers refer to their elements by number, so that shared and
/// circular ones cost no more than they take in the file.
struct Pickle {
  enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    /// More than 64 bits: little-endian, two's complement.
    case longInteger([UInt8])
    case number(Double)
    case text(String)
    case bytes([UInt8])
    /// The index of a container, of a storage, of a tensor.
    case container(Int), storage(Int), tensor(Int)
    case global(PickleGlobal)
    /// The index of something of Python's that is neither known nor run.
    case foreign(Int)
  }

  struct Container {
    enum Kind { case list, tuple, dictionary, set }
    let kind: Kind
    /// Where in the pickle it begins.
    let offset: Int
    /// The contents; for a dictionary: key, value, key, value …
    var items: [Value]
  }

  /// A run of elements that tensors are cut from.
  struct Storage: Equatable {
    /// Its name in the file.
    let key: String
    let dtype: DType
    /// Elements of all that lies in the file under `key`, and those of them that make up the storage.
    let total: Int, range: Range<Int>
    /// Where in the pickle it first occurs.
    let offset: Int
  }

  struct TensorView {
    let storage: Int
    /// The offset of the first element in the storage, in elements.
    let start: Int
    let shape: [Int], strides: [Int]
    /// Where in the pickle it is made.
    let offset: Int
  }

  /// An object of a class, or the result of a function, that is not among the known ones.
  struct Foreign {
    /// Such as `numpy.dtype`.
    let name: String
    let offset: Int
    /// Where it is one of PyTorch's tensors.
    var tensor: UnreadTensor?
  }

  var root = Value.none
  var containers: [Container] = []
  var storages: [Storage] = []
  var tensors: [TensorView] = []
  var foreigns: [Foreign] = []
  /// Where the first byte after the pickle lies.
  var end = 0

  /// The elements of a list or tuple.
  func sequence(_ value: Value) -> [Value]? {
    guard case .container(let index) = value, [.list, .tuple].contains(containers[index].kind) else { return nil }
    return containers[index].items
  }

  /// The pairs of a dictionary, in their order.
  func pairs(_ value: Value) -> [(key: Value, value: Value)]? {
    guard case .container(let index) = value, containers[index].kind == .dictionary else { return nil }
    let items = containers[index].items
    return stride(from: 0, to: items.count - 1, by: 2).map { (items[$0], items[$0 + 1]) }
  }

  /// Such as "a list", for messages.
  func describe(_ value: Value) -> String {
    switch value {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .longInteger: "a number of more than 64 bits"
    case .number(let value): "\(value)"
    case .text(let text): "'\(text.count > 60 ? "\(text.prefix(60))…" : text)'"
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .container(let index): "a \(containers[index].kind)"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .global(let global): global.name
    case .foreign(let index): foreigns[index].name
    }
  }
}

extension Pickle.Value {
  var text: String? { if case .text(let text) = self { text } else { nil } }
  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
}
