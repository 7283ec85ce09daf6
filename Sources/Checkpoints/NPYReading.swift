import Archives
import Foundation
import Tensors

extension NPY {
  /// More bytes than this are not taken from one array: 2 to the power of 34, 16 GiB.
  static let sizeLimit = 1 << 34

  /// Reads one array: an `.npy` file, or an entry of an `.npz`.
  /// - Parameter name: of the array in an `.npz`; nil for the first.
  /// - Throws: `CheckpointError` or `ArchiveError` when there is no such file or array, or it does not hold what it says.
  public static func read(_ path: String, array name: String? = nil) throws -> Tensor {
    guard path.hasSuffix(".npz") else {
      let file = try MappedFile(path)
      return try withExtendedLifetime(file) { try decode(file.bytes, name: path) }
    }
    let archive = try ArchiveReader(path: path)
    var names: [String] = []
    while let entry = try archive.next() {
      guard entry.isFile, entry.name.hasSuffix(".npy") else { continue }
      names.append(String(entry.name.dropLast(4)))
      guard name == nil || names.last == name else { continue }
      return try entry.read(limit: sizeLimit).withUnsafeBytes { try decode($0, name: "\(path): \(entry.name)") }
    }
    let there = names.isEmpty ? "no arrays" : names.joined(separator: ", ")
    throw CheckpointError(.invalid, path, "expected an array\(name.map { " '\($0)'" } ?? ""), found \(there)")
  }

  /// The array in the bytes of an `.npy` file, in row-major order.
  /// - Parameter name: of the file, for errors.
  static func decode(_ bytes: UnsafeRawBufferPointer, name: String) throws -> Tensor {
    func refused(_ what: String) -> CheckpointError { CheckpointError(.invalid, name, what) }
    let header: NPYHeader
    do throws(NPYError) { header = try NPYHeader(parsing: bytes, name: name) } catch { throw refused(error.statement) }
    guard !header.isColumnMajor else { throw refused("expected an array in row-major order, found one in column-major order") }
    guard let dtype = dtypes[header.code] else {
      throw refused("expected numbers of one of \(dtypes.keys.sorted().joined(separator: ", ")), found \(header.code)")
    }
    let data = UnsafeRawBufferPointer(rebasing: bytes[header.dataOffset...])
    guard data.count == header.byteCount else {
      let problem = NPYError.Problem.byteCount(shape: header.shapeText, expected: header.byteCount, found: data.count)
      throw refused(NPYError(name, problem).statement)
    }
    return try Tensor(bytes: data, header.shape, dtype).validated()
  }

  private static let dtypes: [String: DType] = [
    "<f8": .float64, "<f4": .float32, "<f2": .float16, "<i8": .int64, "<i4": .int32, "<i2": .int16, "|i1": .int8, "|u1": .uint8,
    "|b1": .bool,
  ]
}
