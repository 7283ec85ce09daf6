import Failures

/// The first part of a `.safetensors` file: what tensors there are, where their bytes lie, and free text beside them.
///
///     bytes 0 to 7    length of the JSON, little-endian
///     then            {"__metadata__": {…}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
///     then            the tensors' bytes, row-major and little-endian; offsets count from here
///
/// Format: https://huggingface.co/docs/safetensors. A parsed header is valid: every range lies within the file,
/// has the length that dtype and shape demand, and together they cover the data without overlap or gap.
public struct SafetensorsHeader: Equatable, Sendable {
  /// An element type, by its name in the file.
  public enum ElementType: String, CaseIterable, Sendable {
    case float64 = "F64", float32 = "F32", float16 = "F16", bfloat16 = "BF16"
    case int64 = "I64", int32 = "I32", int16 = "I16", int8 = "I8", uint8 = "U8", bool = "BOOL"

    /// Bytes of one element.
    public var size: Int {
      switch self {
      case .float64, .int64: 8
      case .float32, .int32: 4
      case .float16, .bfloat16, .int16: 2
      case .int8, .uint8, .bool: 1
      }
    }
  }

  /// One tensor.
  public struct Entry: Equatable, Sendable {
    public let name: String
    public let type: ElementType
    /// Empty for a scalar.
    public let shape: [Int]
    /// The tensor's bytes, counted from the start of the data (`SafetensorsHeader.dataStart` in the file).
    public let range: Range<Int>
  }

  /// `__metadata__`.
  public let metadata: [String: String]
  /// The tensors, in the order of the file.
  public let entries: [Entry]
  /// Where the data begin in the file, in bytes: 8 and the length of the JSON.
  public let dataStart: Int

  /// The key of the metadata, which no tensor can have.
  static let metadataKey = "__metadata__"
  /// Longest JSON that is read, the same as in the format's reference implementation.
  static let lengthLimit = 100_000_000

  /// Parses and validates the header of a whole file.
  /// - Parameters:
  ///   - file: all the file's bytes, usually mapped; of the data nothing is touched.
  ///   - name: the file's name for messages.
  /// - Throws: `SafetensorsError` that names the tensor, what was found and what was expected.
  public init(parsing file: UnsafeRawBufferPointer, name: String) throws(SafetensorsError) {
    func fail(_ message: String) -> SafetensorsError { SafetensorsError(file: name, tensor: nil, message) }
    guard file.count >= 8 else {
      throw fail("\(file.count) bytes are not a safetensors file; expected 8 bytes with the header's length first")
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= Self.lengthLimit else { throw fail("a header of \(length) bytes is announced; expected \(Self.lengthLimit) at most") }
    guard length <= file.count - 8 else {
      throw fail(
        "a header of \(length) bytes is announced, found \(file.count - 8) bytes after its length; the file is truncated or not a safetensors file"
      )
    }
    dataStart = 8 + Int(length)
    var parser = SafetensorsHeaderParser(json: JSONScanner(UnsafeRawBufferPointer(rebasing: file[8..<dataStart]), file: name))
    (metadata, entries) = try parser.header()
    try Self.checkCoverage(entries, dataCount: file.count - dataStart, file: name)
  }

  /// Lays tensors out one after the other, in the given order. Tensors of wider elements should come first: then each is aligned.
  /// - Throws: `SafetensorsError` for a name given twice or reserved, a negative size, or more bytes than `Int` counts.
  public init(metadata: [String: String], tensors: [(name: String, type: ElementType, shape: [Int])]) throws(SafetensorsError) {
    var entries: [Entry] = []
    var names: Set<String> = [Self.metadataKey]
    var start = 0
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw SafetensorsError(file: nil, tensor: tensor.name, "the name is reserved or given twice")
      }
      guard let count = Self.byteCount(of: tensor.type, tensor.shape), case (let end, false) = start.addingReportingOverflow(count) else {
        throw SafetensorsError(file: nil, tensor: tensor.name, "\(tensor.type.rawValue) \(tensor.shape) is not a possible size")
      }
      entries.append(Entry(name: tensor.name, type: tensor.type, shape: tensor.shape, range: start..<end))
      start = end
    }
    (self.metadata, self.entries) = (metadata, entries)
    dataStart = 8 + Self.json(metadata, entries).count
  }

  /// The first `dataStart` bytes of a file: the same header gives the same bytes. The JSON is filled up with spaces, so that
  /// the data begin at a multiple of 8.
  public func encode() -> [UInt8] {
    let json = Self.json(metadata, entries)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  /// Bytes of all tensors together.
  public var dataCount: Int { entries.map { $0.range.upperBound }.max() ?? 0 }

  /// Bytes of a tensor; nil when a size is negative or they overflow.
  static func byteCount(of type: ElementType, _ shape: [Int]) -> Int? {
    var count = type.size
    for size in shape {
      guard size >= 0, case (let product, false) = count.multipliedReportingOverflow(by: size) else { return nil }
      count = product
    }
    return count
  }

  /// Every byte of the data belongs to exactly one tensor.
  private static func checkCoverage(_ entries: [Entry], dataCount: Int, file: String) throws(SafetensorsError) {
    var end = 0
    var previous = "the data's start"
    for entry in entries.sorted(by: { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }) {
      let (found, expected) = (entry.range.lowerBound, end)
      guard found == expected else {
        let what = found < expected ? "overlaps" : "leaves \(found - expected) bytes unused after"
        throw SafetensorsError(
          file: file, tensor: entry.name, "begins at byte \(found) of the data and \(what) \(previous); expected byte \(expected)")
      }
      guard entry.range.upperBound <= dataCount else {
        throw SafetensorsError(
          file: file, tensor: entry.name,
          "ends at byte \(entry.range.upperBound) of the data, found \(dataCount) bytes; the file is truncated")
      }
      end = entry.range.upperBound
      previous = "'\(SafetensorsError.short(entry.name))'"
    }
    guard end == dataCount else {
      throw SafetensorsError(
        file: file, tensor: nil, "\(dataCount - end) bytes follow the last tensor; expected \(end) bytes of data, found \(dataCount)")
    }
  }

  private static func json(_ metadata: [String: String], _ entries: [Entry]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\(quoted(metadataKey)):{\(pairs.joined(separator: ","))}")
    }
    for entry in entries {
      let shape = entry.shape.map { "\($0)" }.joined(separator: ",")
      let offsets = "\(entry.range.lowerBound),\(entry.range.upperBound)"
      members.append("\(quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}")
    }
    var bytes = Array("{\(members.joined(separator: ","))}".utf8)
    while bytes.count % 8 != 0 { bytes.append(0x20) }
    return bytes
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Why a safetensors file cannot be read, or written.
public struct SafetensorsError: ClassifiedError, Equatable, CustomStringConvertible {
  /// Nil when writing.
  public let file: String?
  /// The tensor concerned, if one is.
  public let tensor: String?
  public let message: String

  public init(file: String?, tensor: String?, _ message: String) {
    self.file = file
    self.tensor = tensor
    self.message = message
  }

  public var failure: Failure { .data }

  public var description: String {
    [file, tensor.map { "tensor '\(Self.short($0))'" }, message].compactMap { $0 }.joined(separator: ": ")
  }

  /// A name as messages show it.
  static func short(_ name: String) -> String { name.count > 100 ? "\(name.prefix(100))…" : name }
}
