/// Pickles byte by byte, of protocol 2 where nothing else is said.
enum PickleBytes {
  static func program(_ value: [UInt8], protocol version: UInt8 = 2) -> [UInt8] { [0x80, version] + value + [0x2E] }

  static let none: [UInt8] = [0x4E], yes: [UInt8] = [0x88], no: [UInt8] = [0x89], mark: [UInt8] = [0x28], reduce: [UInt8] = [0x52]

  static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

  static func text(_ text: String) -> [UInt8] { [0x58] + little(UInt32(text.utf8.count)) + Array(text.utf8) }
  static func short(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
  static func integer(_ value: Int) -> [UInt8] {
    if let byte = UInt8(exactly: value) { return [0x4B, byte] }
    return [0x8A, 8] + little(Int64(value))
  }
  static func number(_ value: Double) -> [UInt8] { [0x47] + little(value.bitPattern.byteSwapped) }
  static func list(_ values: [[UInt8]]) -> [UInt8] { [0x5D] + mark + values.joined() + [0x65] }
  static func tuple(_ values: [[UInt8]]) -> [UInt8] { mark + values.joined() + [0x74] }
  static func numbers(_ values: [Int]) -> [UInt8] { tuple(values.map(integer)) }
  static func dictionary(_ pairs: [(String, [UInt8])]) -> [UInt8] {
    [0x7D] + mark + pairs.flatMap { text($0.0) + $0.1 } + [0x75]
  }
  static func global(_ module: String, _ name: String) -> [UInt8] { [0x63] + Array("\(module)\n\(name)\n".utf8) }
  static func call(_ module: String, _ name: String, _ arguments: [[UInt8]]) -> [UInt8] {
    global(module, name) + tuple(arguments) + reduce
  }
  static func put(_ index: UInt8) -> [UInt8] { [0x71, index] }
  static func get(_ index: UInt8) -> [UInt8] { [0x68, index] }

  static let orderedDict = call("collections", "OrderedDict", [])

  static func storage(_ key: String, _ type: String = "Float", count: Int, view: [UInt8]? = nil) -> [UInt8] {
    tuple([text("storage"), global("torch", "\(type)Storage"), text(key), text("cpu"), integer(count)] + (view.map { [$0] } ?? [])) + [0x51]
  }

  /// A tensor that begins at element `start` of a storage.
  static func tensor(_ storage: [UInt8], start: Int = 0, _ shape: [Int], strides: [Int]) -> [UInt8] {
    call("torch._utils", "_rebuild_tensor_v2", [storage, integer(start), numbers(shape), numbers(strides), no, orderedDict])
  }

  /// A vector of floats that is a whole storage.
  static func vector(_ key: String, count: Int) -> [UInt8] { tensor(storage(key, count: count), [count], strides: [1]) }
}
