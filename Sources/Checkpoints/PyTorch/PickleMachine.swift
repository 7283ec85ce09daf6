import Archives

/// Reads a pickle by a stack machine that knows a fixed list of opcodes and executes nothing: what Python would call becomes
/// data if it is a part of a state dict, else something foreign of which only the name is kept.
///
/// Time and memory are bounded by the pickle's length: every value on the stack, in the memo or in a container was put there
/// by an opcode or is charged to the same budget.
struct PickleMachine {
  private let source: PickleSource
  private var cursor: ByteCursor
  private(set) var pickle = Pickle()
  private var stack: [Pickle.Value] = []
  /// How high the stack was at each mark.
  private var marks: [Int] = []
  private var memo: [Int: Pickle.Value] = [:]
  private var storageIndices: [String: Int] = [:]
  /// Steps that are left.
  private var budget: Int
  /// Where the opcode stands that is being read.
  private(set) var at = 0

  /// A checkpoint of 20,000 tensors takes half of them.
  static let stepLimit = 2_000_000

  private init(_ source: PickleSource, stepLimit: Int) {
    self.source = source
    cursor = ByteCursor(source.bytes)
    budget = stepLimit
  }

  /// - Throws: `CheckpointError` that names the place.
  static func read(_ source: PickleSource, stepLimit: Int = stepLimit) throws(CheckpointError) -> Pickle {
    var machine = PickleMachine(source, stepLimit: stepLimit)
    while try !machine.step() {}
    return machine.pickle
  }

  func failure(_ message: String) -> CheckpointError { source.failure(message, at: at) }

  mutating func spend(_ steps: Int) throws(CheckpointError) {
    budget -= steps
    if budget < 0 { throw failure("the pickle takes more than \(Self.stepLimit) steps; no checkpoint needs so many") }
  }

  // MARK: Bytes

  private func cut(_ error: ByteCursor.End) -> CheckpointError {
    source.failure("the pickle is truncated, found \(source.bytes.count) bytes", at: error.offset)
  }

  private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(CheckpointError) -> Number {
    do { return try cursor.number(type) } catch { throw cut(error) }
  }

  private mutating func take(_ count: UInt64) throws(CheckpointError) -> UnsafeRawBufferPointer {
    do { return try cursor.take(Int(clamping: count)) } catch { throw cut(error) }
  }

  private mutating func text(_ count: UInt64) throws(CheckpointError) -> String {
    try utf8(try take(count))
  }

  private mutating func line() throws(CheckpointError) -> String {
    let bytes: UnsafeRawBufferPointer
    do { bytes = try cursor.line() } catch { throw cut(error) }
    return try utf8(bytes)
  }

  private func utf8(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("the text is not UTF-8") }
    return text
  }

  /// Text of Python 2, which may be bytes as well.
  private mutating func string(_ count: UInt64) throws(CheckpointError) -> Pickle.Value {
    let bytes = try take(count)
    return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .bytes(Array(bytes))
  }

  private mutating func long(_ count: UInt64) throws(CheckpointError) -> Pickle.Value {
    let bytes = try take(count)
    guard bytes.count <= 8 else { return .longInteger(Array(bytes)) }
    let sign: UInt64 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : .max
    let bits = bytes.reversed().reduce(sign) { $0 << 8 | UInt64($1) }
    return .integer(Int(Int64(bitPattern: bits)))
  }

  // MARK: Stack

  mutating func push(_ value: Pickle.Value) { stack.append(value) }

  mutating func pop() throws(CheckpointError) -> Pickle.Value {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else { throw failure("the pickle's stack is empty") }
    return value
  }

  private func top() throws(CheckpointError) -> Pickle.Value {
    guard stack.count > (marks.last ?? 0), let value = stack.last else { throw failure("the pickle's stack is empty") }
    return value
  }

  private mutating func pop(_ count: Int) throws(CheckpointError) -> [Pickle.Value] {
    guard stack.count - (marks.last ?? 0) >= count else { throw failure("the pickle's stack holds fewer than \(count) values") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(CheckpointError) -> [Pickle.Value] {
    guard let mark = marks.popLast() else { throw failure("the pickle has no mark here") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  mutating func pushContainer(_ kind: Pickle.Container.Kind, _ items: [Pickle.Value]) {
    pickle.containers.append(Pickle.Container(kind: kind, offset: at, items: items))
    push(.container(pickle.containers.count - 1))
  }

  mutating func pushTensor(_ view: Pickle.TensorView) {
    pickle.tensors.append(view)
    push(.tensor(pickle.tensors.count - 1))
  }

  mutating func pushForeign(_ name: String, offset: Int, tensor: UnreadTensor? = nil) {
    pickle.foreigns.append(Pickle.Foreign(name: name, offset: offset, tensor: tensor))
    push(.foreign(pickle.foreigns.count - 1))
  }

  /// Pushes a storage, which a key must always tell of in the same way.
  mutating func pushStorage(_ storage: Pickle.Storage) throws(CheckpointError) {
    let known = storageIndices[storage.key].map { pickle.storages[$0] }
    if let known, known.dtype != storage.dtype || known.total != storage.total {
      throw failure(
        "storage '\(storage.key)' is \(storage.total) of \(storage.dtype) here, but \(known.total) of \(known.dtype) at byte \(known.offset)"
      )
    }
    if let known, known.range == storage.range { return push(.storage(storageIndices[storage.key]!)) }
    pickle.storages.append(storage)
    if known == nil { storageIndices[storage.key] = pickle.storages.count - 1 }
    push(.storage(pickle.storages.count - 1))
  }

  /// Puts values into the container on top of the stack. What is put into something foreign is dropped.
  private mutating func fill(_ kind: Pickle.Container.Kind, _ items: [Pickle.Value]) throws(CheckpointError) {
    switch try top() {
    case .foreign: return
    case .container(let index) where pickle.containers[index].kind == kind:
      pickle.containers[index].items += kind == .dictionary ? try paired(items) : items
    case let other: throw failure("values are put into \(pickle.describe(other)); expected a \(kind)")
    }
  }

  private func paired(_ items: [Pickle.Value]) throws(CheckpointError) -> [Pickle.Value] {
    guard items.count % 2 == 0 else { throw failure("a key has no value") }
    return items
  }

  // MARK: Opcodes

  /// - Returns: whether it was the last.
  private mutating func step() throws(CheckpointError) -> Bool {
    at = cursor.offset
    try spend(1)
    let byte = try number(UInt8.self)
    guard let opcode = PickleOpcode(rawValue: byte) else {
      throw failure("the pickle's opcode \(PickleOpcode.name(byte)) is not one that a state dict needs")
    }
    if opcode == .stop {
      guard stack.count == 1, marks.isEmpty else { throw failure("the pickle ends with \(stack.count) values on its stack; expected one") }
      pickle.root = stack[0]
      pickle.end = cursor.offset
      return true
    }
    if try readValue(opcode) { return false }
    if try readText(opcode) { return false }
    if try changeContainer(opcode) { return false }
    if try useMemo(opcode) { return false }
    try build(opcode)
    return false
  }

  private mutating func readValue(_ opcode: PickleOpcode) throws(CheckpointError) -> Bool {
    switch opcode {
    case .proto:
      let version = try number(UInt8.self)
      guard (2...5).contains(version) else { throw failure("the pickle's protocol is \(version); expected 2 to 5") }
    case .frame:
      let length = try number(UInt64.self)
      guard length <= cursor.left else { throw failure("a frame of \(length) bytes is announced, found \(cursor.left)") }
    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .binInt: push(.integer(Int(try number(Int32.self))))
    case .binInt1: push(.integer(Int(try number(UInt8.self))))
    case .binInt2: push(.integer(Int(try number(UInt16.self))))
    case .long1: push(try long(UInt64(try number(UInt8.self))))
    case .long4: push(try long(UInt64(try number(UInt32.self))))
    case .binFloat: push(.number(Double(bitPattern: try number(UInt64.self).byteSwapped)))
    default: return false
    }
    return true
  }

  private mutating func readText(_ opcode: PickleOpcode) throws(CheckpointError) -> Bool {
    switch opcode {
    case .binUnicode: push(.text(try text(UInt64(try number(UInt32.self)))))
    case .shortBinUnicode: push(.text(try text(UInt64(try number(UInt8.self)))))
    case .binUnicode8: push(.text(try text(try number(UInt64.self))))
    case .binString: push(try string(UInt64(try number(UInt32.self))))
    case .shortBinString: push(try string(UInt64(try number(UInt8.self))))
    case .binBytes: push(.bytes(Array(try take(UInt64(try number(UInt32.self))))))
    case .shortBinBytes: push(.bytes(Array(try take(UInt64(try number(UInt8.self))))))
    case .binBytes8, .byteArray8: push(.bytes(Array(try take(try number(UInt64.self)))))
    default: return false
    }
    return true
  }

  private mutating func changeContainer(_ opcode: PickleOpcode) throws(CheckpointError) -> Bool {
    switch opcode {
    case .emptyList: pushContainer(.list, [])
    case .emptyTuple: pushContainer(.tuple, [])
    case .emptyDict: pushContainer(.dictionary, [])
    case .emptySet: pushContainer(.set, [])
    case .tuple1: pushContainer(.tuple, try pop(1))
    case .tuple2: pushContainer(.tuple, try pop(2))
    case .tuple3: pushContainer(.tuple, try pop(3))
    case .tuple: pushContainer(.tuple, try popToMark())
    case .list: pushContainer(.list, try popToMark())
    case .frozenSet: pushContainer(.set, try popToMark())
    case .dict: pushContainer(.dictionary, try paired(try popToMark()))
    case .append: try fill(.list, [try pop()])
    case .appends: try fill(.list, try popToMark())
    case .addItems: try fill(.set, try popToMark())
    case .setItem: try fill(.dictionary, try pop(2))
    case .setItems: try fill(.dictionary, try popToMark())
    default: return false
    }
    return true
  }

  private mutating func useMemo(_ opcode: PickleOpcode) throws(CheckpointError) -> Bool {
    switch opcode {
    case .mark: marks.append(stack.count)
    case .pop: if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .dup: push(try top())
    case .binPut: memo[Int(try number(UInt8.self))] = try top()
    case .longBinPut: memo[Int(try number(UInt32.self))] = try top()
    case .memoize: memo[memo.count] = try top()
    case .binGet: push(try recall(Int(try number(UInt8.self))))
    case .longBinGet: push(try recall(Int(try number(UInt32.self))))
    default: return false
    }
    return true
  }

  private func recall(_ index: Int) throws(CheckpointError) -> Pickle.Value {
    guard let value = memo[index] else { throw failure("the pickle recalls value \(index), which it has not remembered") }
    return value
  }

  private mutating func build(_ opcode: PickleOpcode) throws(CheckpointError) {
    switch opcode {
    case .global: try pushGlobal(module: try line(), name: try line())
    case .stackGlobal:
      let names = try pop(2)
      guard let module = names[0].text, let name = names[1].text else { throw failure("a global's names are not text") }
      try pushGlobal(module: module, name: name)
    case .reduce, .newObj:
      let call = try pop(2)
      try self.call(call[0], call[1])
    case .newObjEx:
      let call = try pop(3)
      try self.call(call[0], call[1])
    case .build:
      let state = try pop()
      try acceptAttributes(state, of: try top())
    case .binPersistentID: try pushPersistent(try pop())
    default: throw failure("the pickle's opcode \(opcode) stands where it cannot")
    }
  }

  private mutating func pushGlobal(module: String, name: String) throws(CheckpointError) {
    guard !PickleGlobal.runs(module: module, name: name) else {
      throw failure("the file wants \(module.prefix(60)).\(name.prefix(60)) to be run, which is refused; nothing was run. Do not trust it")
    }
    push(.global(PickleGlobal(module: module, name: name, offset: at)))
  }

  /// BUILD sets attributes of the object on top: those of a state dict, such as `_metadata`, and of tensors are not needed.
  private func acceptAttributes(_ state: Pickle.Value, of object: Pickle.Value) throws(CheckpointError) {
    switch object {
    case .foreign, .tensor: return
    case .container(let index) where pickle.containers[index].kind == .dictionary: return
    default: throw failure("attributes are set on \(pickle.describe(object)), which has none")
    }
  }
}
