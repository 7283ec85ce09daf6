import Archives
import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite("Arrays for numpy") struct NPYTests {
  /// Parses by the published format: the header's text, and the data.
  private func parse(_ npy: [UInt8]) throws -> (header: String, data: [UInt8]) {
    try #require(npy.count >= 10 && Array(npy[..<8]) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
    let start = 10 + Int(npy[8]) + 256 * Int(npy[9])
    #expect(start % 64 == 0 && npy[start - 1] == UInt8(ascii: "\n"))
    return (String(decoding: npy[10..<start], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines), Array(npy[start...]))
  }

  @Test func aFileOfEveryShapeIsAlignedAndDescribed() throws {
    for (shape, text) in [([], "()"), ([3], "(3,)"), ([2, 1, 4], "(2, 1, 4)"), ([0, 5], "(0, 5)")] as [([Int], String)] {
      let bytes = (0..<shape.reduce(1, *)).map { UInt8($0) }
      let (header, data) = try parse(NPY.encode(bytes, shape: shape, dtype: .uint8))
      #expect(header == "{'descr': '|u1', 'fortran_order': False, 'shape': \(text), }")
      #expect(data == bytes)
    }
  }

  /// Also where padding has nothing, or everything, to add.
  @Test func headersOfEveryLengthAreAligned() throws {
    for ones in 0..<40 { _ = try parse(NPY.encode([1], shape: Array(repeating: 1, count: ones), dtype: .int8)) }
  }

  @Test(
    arguments: zip(
      [DType.float32, .float64, .float16, .int64, .int32, .int16, .int8, .uint8, .bool],
      ["<f4", "<f8", "<f2", "<i8", "<i4", "<i2", "|i1", "|u1", "|b1"]))
  func dtypesHaveNumpysNames(dtype: DType, code: String) throws {
    let tensor = Tensor([1, 0, 1] as [Float]).to(dtype)
    let (header, data) = try parse(NPY.encode(tensor.bytes(), shape: [3], dtype: dtype))
    #expect(header.hasPrefix("{'descr': '\(code)', "))
    #expect(try data.withUnsafeBytes { try Tensor(bytes: $0, [3], dtype).floats() } == [1, 0, 1])
  }

  @Test func anArchiveHoldsTheArraysByName() throws {
    let folder = try TemporaryFolder()
    let images = NPY.encode([1, 2, 3, 4, 5, 6], shape: [1, 2, 1, 3], dtype: .uint8)
    let labels = try NPY.encode(Tensor([7]).bytes(), shape: [1], dtype: .int64)
    try NPY.write([("arr_0", images), ("arr_1", labels)], to: "\(folder.path)/samples.npz")
    let archive = try ArchiveReader(path: "\(folder.path)/samples.npz")
    for (name, bytes) in [("arr_0.npy", images), ("arr_1.npy", labels)] {
      let entry = try #require(try archive.next())
      #expect(entry.name == name && entry.isFile)
      #expect(try entry.read(limit: 1 << 16) == bytes)
    }
    let end = try archive.next()
    #expect(end == nil)
    #expect(try folder.names == ["samples.npz"])
  }
}
