/// What Python would call, as data.
extension PickleMachine {
  /// Pushes the result of `callable(*arguments)`.
  mutating func call(_ callable: Pickle.Value, _ arguments: Pickle.Value) throws(CheckpointError) {
    guard let list = pickle.sequence(arguments) else {
      throw failure("\(pickle.describe(callable)) is called with \(pickle.describe(arguments)); expected a tuple")
    }
    switch callable {
    case .foreign(let index): pushForeign(pickle.foreigns[index].name, offset: pickle.foreigns[index].offset)
    case .global(let global): try call(global, list)
    default: throw failure("\(pickle.describe(callable)) is called, which is not a function")
    }
  }

  private mutating func call(_ global: PickleGlobal, _ arguments: [Pickle.Value]) throws(CheckpointError) {
    switch global {
    case .foreign(let name, let offset):
      pushForeign(name, offset: offset, tensor: UnreadTensor(madeBy: name, arguments, in: pickle))
    case .orderedDict: try makeDictionary(arguments)
    case .set: pushContainer(.set, try sequence(arguments.first, of: global))
    case .size: pushContainer(.tuple, try sequence(arguments.first, of: global))
    case .rebuildTensor: try makeTensor(arguments)
    case .rebuildParameter: try passOn(arguments.first)
    case .rebuildFromType:
      guard arguments.count >= 3, case .global(let function) = arguments[0], function.makesTensors,
        let inner = pickle.sequence(arguments[2])
      else { throw failure("a tensor with attributes is made by other means than PyTorch's") }
      try call(function, inner)
    case .storage: throw failure("a storage is made without a name in the file")
    }
  }

  private mutating func sequence(_ value: Pickle.Value?, of global: PickleGlobal) throws(CheckpointError) -> [Pickle.Value] {
    guard let value else { return [] }
    guard let list = pickle.sequence(value) else { throw failure("\(global.name) of \(pickle.describe(value)); expected a list") }
    try spend(list.count)  // the elements are held once more
    return list
  }

  /// `OrderedDict()` or, as Python 2 writes it, `OrderedDict([[key, value], …])`.
  private mutating func makeDictionary(_ arguments: [Pickle.Value]) throws(CheckpointError) {
    var items: [Pickle.Value] = []
    for pair in try sequence(arguments.first, of: .orderedDict) {
      guard let pair = pickle.sequence(pair), pair.count == 2 else { throw failure("an OrderedDict of values that are not pairs") }
      items += pair
    }
    pushContainer(.dictionary, items)
  }

  /// A parameter is its tensor.
  private mutating func passOn(_ value: Pickle.Value?) throws(CheckpointError) {
    switch value {
    case .tensor, .foreign: push(value!)
    default: throw failure("a parameter is made of \(value.map { pickle.describe($0) } ?? "nothing"); expected a tensor")
    }
  }

  /// `_rebuild_tensor_v2(storage, offset, sizes, strides, …)`.
  private mutating func makeTensor(_ arguments: [Pickle.Value]) throws(CheckpointError) {
    if case .foreign(let index) = arguments.first {
      let storage = pickle.foreigns[index]
      return pushForeign(storage.name, offset: storage.offset, tensor: UnreadTensor(storage: storage.name))
    }
    guard arguments.count >= 4, case .storage(let storage) = arguments[0], let start = arguments[1].integer,
      let shape = numbers(arguments[2]), let strides = numbers(arguments[3])
    else { throw failure("a tensor's storage, offset, shape and strides cannot be read") }
    let view = Pickle.TensorView(storage: storage, start: start, shape: shape, strides: strides, offset: at)
    if let problem = view.problem(within: pickle.storages[storage].range.count) {
      throw failure("\(problem); storage '\(pickle.storages[storage].key)' has \(pickle.storages[storage].range.count) elements")
    }
    pushTensor(view)
  }

  /// The integers of a tuple, at most 64, the most axes that a tensor has.
  private func numbers(_ value: Pickle.Value) -> [Int]? {
    guard let list = pickle.sequence(value), list.count <= 64 else { return nil }
    let numbers = list.compactMap(\.integer)
    return numbers.count == list.count ? numbers : nil
  }

  /// `("storage", class, key, device, elements)`, and in legacy files `(view's key, offset, elements)` or None after these.
  mutating func pushPersistent(_ identifier: Pickle.Value) throws(CheckpointError) {
    guard let parts = pickle.sequence(identifier), parts.count >= 5, parts[0].text == "storage", let key = parts[2].text,
      case .global(let kind) = parts[1], let total = parts[4].integer
    else { throw failure("a reference to something outside the pickle that is not a storage") }
    guard case .storage(let dtype) = kind else { return pushForeign(kind.name, offset: at) }
    guard total >= 0, !total.multipliedReportingOverflow(by: dtype.size).overflow else {
      throw failure("storage '\(key.prefix(60))' has \(total) elements; no file holds so many")
    }
    var range = 0..<total
    if parts.count > 5, let view = pickle.sequence(parts[5]) {
      guard view.count == 3, let start = view[1].integer, let count = view[2].integer, start >= 0, count >= 0, start <= total,
        count <= total - start
      else { throw failure("a view of storage '\(key.prefix(60))' does not lie within its \(total) elements") }
      range = start..<(start + count)
    }
    try pushStorage(Pickle.Storage(key: key, dtype: dtype, total: total, range: range, offset: at))
  }
}

extension PickleGlobal {
  /// Whether the global makes tensors. Only the names of other globals are kept.
  fileprivate var makesTensors: Bool {
    switch self {
    case .rebuildTensor, .rebuildParameter: true
    case .foreign(let name, _): name.hasPrefix("torch._utils._rebuild_")
    default: false
    }
  }
}

extension Pickle.TensorView {
  /// Elements of the tensor; nil where they cannot be counted.
  static func count(_ shape: [Int]) -> Int? {
    var count = 1
    // Zeros too: what libtorch works out of the other sizes must not overflow.
    for size in shape where size != 0 {
      guard size > 0, case (let product, false) = count.multipliedReportingOverflow(by: size) else { return nil }
      count = product
    }
    return shape.contains(0) ? 0 : count
  }

  /// What is wrong with the view of a storage of `available` elements; nil when it lies within.
  func problem(within available: Int) -> String? {
    guard shape.count == strides.count else { return "a tensor of shape \(shape) has the strides \(strides)" }
    guard let count = Self.count(shape) else { return "a tensor has the impossible shape \(shape)" }
    guard start >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      return "a tensor begins at \(start) with strides \(strides); none may be negative"
    }
    var last = start
    for (size, stride) in zip(shape, strides) where count > 0 {
      let (reach, tooFar) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, tooFarInAll) = last.addingReportingOverflow(reach)
      guard !tooFar, !tooFarInAll else { return "a tensor of shape \(shape) and strides \(strides) reaches beyond what can be counted" }
      last = sum
    }
    guard count > 0 ? last < available : start <= available else {
      return "a tensor of shape \(shape) and strides \(strides) from element \(start) reaches to element \(last)"
    }
    return nil
  }
}
