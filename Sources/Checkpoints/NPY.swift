import Archives
import Tensors

/// Tensors as arrays of numpy, and back. The format itself is read and written by `Archives`.
public enum NPY {
  /// One array as the bytes of an `.npy` file, little-endian and row-major.
  /// - Parameter bytes: the elements in row-major order; as many as shape and dtype need.
  public static func encode(_ bytes: [UInt8], shape: [Int], dtype: DType) -> [UInt8] {
    precondition(bytes.count == shape.reduce(dtype.size, *), "\(bytes.count) bytes are not those of \(shape) \(dtype)")
    return NPYHeader.encoded(code: code(dtype), shape: shape) + bytes
  }

  /// Writes arrays under their names as an `.npz` file, whole or not at all.
  /// - Parameter arrays: each as `encode` gives it.
  /// - Throws: `ArchiveError` when the system refuses to write.
  public static func write(_ arrays: [(name: String, npy: [UInt8])], to path: String) throws {
    try NPZFile.write(arrays, to: path)
  }

  /// Reads one array: an `.npy` file, or an entry of an `.npz`.
  /// - Parameter name: of the array in an `.npz`; nil for the first.
  /// - Throws: `ArchiveError` when there is no such file, `ArrayError` when there is no such array or it does not hold what its header
  ///   says, `CheckpointError` for elements that no tensor has, such as uint16.
  public static func read(_ path: String, array name: String? = nil) throws -> Tensor {
    let array = try NumberArray(path: NPZFile.isNPZ(path) ? entry(name, of: path) : path)
    guard let dtype = DType.allCases.first(where: { code($0) == array.code }) else {
      let known = DType.allCases.map(code).joined(separator: ", ")
      throw CheckpointError(
        .invalid, array.name, "expected numbers of one of \(known), found \(array.code); convert them with numpy.astype")
    }
    return try array.littleEndianBytes().withUnsafeBytes { try Tensor(bytes: $0, array.shape, dtype).validated() }
  }

  private static func entry(_ name: String?, of path: String) throws -> String {
    let there = try NPZFile.names(in: path)
    guard let found = name ?? there.first, there.contains(found) else { throw ArrayError(path, .noArray(name, there: there)) }
    return "\(path)/\(found).npy"
  }

  /// The numpy code of an element type; numpy has none for bfloat16.
  private static func code(_ dtype: DType) -> String {
    switch dtype {
    case .float64: "<f8"
    case .float32: "<f4"
    case .float16: "<f2"
    case .bfloat16: "<V2"
    case .int64: "<i8"
    case .int32: "<i4"
    case .int16: "<i2"
    case .int8: "|i1"
    case .uint8: "|u1"
    case .bool: "|b1"
    }
  }
}
