import Failures
import Foundation
import Tensors

/// Files in the safetensors format: a header of names, dtypes and shapes, then the tensors' bytes.
public enum Safetensors {
  /// The contents of a file.
  public struct Contents: Sendable {
    public let state: StateDict
    /// Free text by key, such as `sfumato.recipe`.
    public let metadata: [String: String]
  }

  /// Reads a file by mapping it into memory: tensors are views of the file, and nothing is copied until it is needed.
  /// - Throws: `CheckpointError` when there is no such file or it cannot be read, `SafetensorsError` when its header does
  ///   not hold: every offset and length is checked against the file before any tensor is made.
  public static func read(_ path: String) throws -> Contents {
    let file = try MappedFile(path)
    return try withExtendedLifetime(file) {
      try ForeignFormat.refuse(file.bytes, path)
      let header = try SafetensorsHeader(parsing: file.bytes, name: path)
      var state = StateDict()
      for entry in header.entries {
        let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[header.dataStart...][shifted(entry.range, by: header.dataStart)])
        state[entry.name] = try tensor(bytes, entry, of: file).validated()
      }
      return Contents(state: state, metadata: header.metadata)
    }
  }

  /// Names, dtypes and shapes alone.
  public static func header(of path: String) throws -> SafetensorsHeader {
    let file = try MappedFile(path)
    // The mapping would otherwise end with its last use.
    return try withExtendedLifetime(file) {
      try ForeignFormat.refuse(file.bytes, path)
      return try SafetensorsHeader(parsing: file.bytes, name: path)
    }
  }

  private static func shifted(_ range: Range<Int>, by start: Int) -> Range<Int> {
    (range.lowerBound + start)..<(range.upperBound + start)
  }

  private static func tensor(_ bytes: UnsafeRawBufferPointer, _ entry: SafetensorsHeader.Entry, of file: MappedFile) -> Tensor {
    let dtype = DType(entry.type)
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return .empty(entry.shape, dtype: dtype) }
    // A file may begin its data anywhere; libtorch wants elements at multiples of their size.
    guard Int(bitPattern: start) % dtype.size == 0 else { return Tensor(bytes: bytes, entry.shape, dtype) }
    return Tensor(borrowing: start, entry.shape, dtype, owner: file)
  }

  /// Writes a file, whole or not at all: an earlier file of that name is kept until the new one is on the disk.
  /// - Throws: the fault of a tensor that carries one; `CheckpointError` when a number is not finite, for such a state must
  ///   not replace a good one, or when the system refuses to write.
  public static func write(_ state: StateDict, metadata: [String: String] = [:], to path: String) throws {
    // Wide elements first: so every tensor lies at a multiple of its element's size.
    let entries = state.entries.enumerated().sorted {
      ($1.element.tensor.dtype.size, $0.offset) < ($0.element.tensor.dtype.size, $1.offset)
    }
    .map(\.element)
    for (name, tensor) in entries where tensor.dtype.isFloatingPoint {
      guard try withoutGradient({ tensor.isFinite().all() }).item() == 1 else {
        throw CheckpointError(.invalid, path, "is not written: \(name) holds numbers that are not finite")
      }
    }
    let header = try SafetensorsHeader(
      metadata: metadata,
      tensors: entries.map { (name: $0.name, type: SafetensorsHeader.ElementType($0.tensor.dtype), shape: $0.tensor.shape) })
    try AtomicFile.write(to: path) { put in
      try header.encode().withUnsafeBytes(put)
      for (_, tensor) in entries { try tensor.bytes().withUnsafeBytes(put) }
    }
  }
}

extension DType {
  init(_ type: SafetensorsHeader.ElementType) {
    switch type {
    case .float64: self = .float64
    case .float32: self = .float32
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .int64: self = .int64
    case .int32: self = .int32
    case .int16: self = .int16
    case .int8: self = .int8
    case .uint8: self = .uint8
    case .bool: self = .bool
    }
  }
}

extension SafetensorsHeader.ElementType {
  init(_ dtype: DType) {
    self = Self.allCases.first { DType($0) == dtype }!
  }
}
