import Archives
import Tensors

/// Arrays in numpy's formats (version 1.0 of NPY, little-endian, row-major), for other programs.
public enum NPY {
  /// One array as the bytes of an `.npy` file.
  /// - Parameter bytes: the elements in row-major order; as many as shape and dtype need.
  public static func encode(_ bytes: [UInt8], shape: [Int], dtype: DType) -> [UInt8] {
    precondition(bytes.count == shape.reduce(dtype.size, *), "\(bytes.count) bytes are not those of \(shape) \(dtype)")
    let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var header = "{'descr': '\(code(dtype))', 'fortran_order': False, 'shape': (\(sizes)), }"
    // Magic, version and length take 10 bytes; the data begin at a multiple of 64.
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let length = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(header.utf8) + bytes
  }

  /// Arrays by name as an `.npz` file.
  public static func write(_ arrays: [(name: String, npy: [UInt8])], to path: String) throws {
    try ZipWriter.write(arrays.map { ("\($0.name).npy", $0.npy) }, to: path)
  }

  private static func code(_ dtype: DType) -> String {
    switch dtype {
    case .float64: "<f8"
    case .float32: "<f4"
    case .float16: "<f2"
    case .bfloat16: "<V2"  // numpy has no name for it
    case .int64: "<i8"
    case .int32: "<i4"
    case .int16: "<i2"
    case .int8: "|i1"
    case .uint8: "|u1"
    case .bool: "|b1"
    }
  }
}
