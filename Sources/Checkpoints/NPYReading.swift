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
    let (header, start) = try headerText(bytes, name)
    func refused(_ what: String) -> CheckpointError { CheckpointError(.invalid, name, what) }
    guard let match = header.wholeMatch(of: pattern) else { throw refused("the header is not understood: \(header.prefix(200))") }
    guard match.fortran == "False" else { throw refused("expected an array in row-major order, found one in column-major order") }
    guard let dtype = dtypes[String(match.code)] else {
      throw refused("expected numbers of one of \(dtypes.keys.sorted().joined(separator: ", ")), found \(match.code)")
    }
    let shape = try match.shape.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }.map { text in
      guard let size = Int(text), size >= 0 else { throw refused("the shape (\(match.shape)) is not understood") }
      return size
    }
    var wanted = dtype.size
    for size in shape {
      let (product, overflow) = wanted.multipliedReportingOverflow(by: size)
      guard !overflow else { throw refused("the shape (\(match.shape)) is beyond all bounds") }
      wanted = product
    }
    let data = UnsafeRawBufferPointer(rebasing: bytes[start...])
    guard data.count == wanted else { throw refused("expected \(wanted) bytes for the shape (\(match.shape)), found \(data.count)") }
    return try Tensor(bytes: data, shape, dtype).validated()
  }

  /// The header without its padding, and where the numbers begin.
  private static func headerText(_ bytes: UnsafeRawBufferPointer, _ name: String) throws -> (String, Int) {
    let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    guard bytes.count >= 10, bytes.starts(with: magic), (1...3).contains(bytes[6]) else {
      throw CheckpointError(.invalid, name, "expected an array of numpy (.npy, version 1 to 3), found something else")
    }
    // Version 1 has two bytes of length, the later ones four.
    let width = bytes[6] == 1 ? 2 : 4
    guard bytes.count >= 8 + width else { throw CheckpointError(.invalid, name, "ends within its header") }
    let length = (0..<width).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let start = 8 + width + length
    guard start <= bytes.count else { throw CheckpointError(.invalid, name, "ends within its header") }
    return (String(decoding: bytes[(8 + width)..<start], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines), start)
  }

  /// The dictionary as numpy prints it.
  private nonisolated(unsafe) static let pattern =
    /\{'descr': *'(?<code>[^']+)', *'fortran_order': *(?<fortran>True|False), *'shape': *\((?<shape>[0-9, L]*)\),? *\}/

  private static let dtypes: [String: DType] = [
    "<f8": .float64, "<f4": .float32, "<f2": .float16, "<i8": .int64, "<i4": .int32, "<i2": .int16, "|i1": .int8, "|u1": .uint8,
    "|b1": .bool,
  ]
}
