import Archives
import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite("Arrays from numpy") struct NPYReadingTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func decode(_ bytes: [UInt8]) throws -> Tensor { try NPY.read(folder.file("x.npy", bytes)) }

  private func refusal(_ bytes: [UInt8]) -> String {
    do {
      _ = try decode(bytes)
      return "taken"
    } catch { return "\(error)" }
  }

  /// An array as numpy writes it.
  private func file(_ header: String, data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = header.utf8.count, width = version == 1 ? 2 : 4
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + (0..<width).map { UInt8(length >> (8 * $0) & 255) } + Array(header.utf8) + data
  }

  @Test func aWrittenFileReadsBackEqual() throws {
    for shape in [[], [3], [2, 1, 4], [0, 5]] as [[Int]] {
      let x = Tensor.randn(shape, using: Generator(seed: 1))
      let y = try decode(NPY.encode(x.bytes(), shape: shape, dtype: .float32))
      #expect(y.shape == shape)
      #expect(try y.floats() == x.floats())
    }
  }

  @Test func theLaterVersionsAreRead() throws {
    for version: UInt8 in [2, 3] {
      let bytes = file("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n", data: [7, 8], version: version)
      #expect(try decode(bytes).ints() == [7, 8])
    }
  }

  @Test func invalidArraysAreRefusedWithTheReason() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
    #expect(refusal([1, 2, 3]).contains("expected an array of numpy"))
    #expect(refusal(file(header, data: [0, 0, 0])).contains("expected 8 bytes for the shape (2,), found 3"))
    #expect(refusal(Array(file(header, data: []).prefix(30))).contains("ends within its header"))
    #expect(refusal(file(header.replacing("<f4", with: "<u2"), data: [0, 0, 0, 0])).contains("found <u2; convert them"))
    #expect(refusal(file(header.replacing("<f4", with: "|O"), data: [])).contains("found |O"))
    #expect(refusal(file("{'descr': __import__('os')}", data: [])).contains("the header cannot be read"))
    let huge = header.replacing("(2,)", with: "(4611686018427387904, 8)")
    #expect(refusal(file(huge, data: [])).contains("more elements than can be counted"))
  }

  @Test func otherOrdersOfBytesAndOfAxesAreConverted() throws {
    let big = "{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }"
    #expect(try decode(file(big, data: [0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE])).ints() == [258, -2])
    let columns = try decode(
      file("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", data: [0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6]))
    #expect(try columns.shape == [2, 3] && columns.ints() == [1, 2, 3, 4, 5, 6])
  }

  @Test func everyTruncationIsRefused() throws {
    let whole = NPY.encode([1, 2, 3, 4], shape: [2, 2], dtype: .uint8)
    for count in 0..<whole.count { #expect(refusal(Array(whole.prefix(count))) != "taken", "\(count) bytes") }
  }

  @Test func anArrayOfAnArchiveIsFoundByItsName() throws {
    let path = "\(folder.path)/a.npz"
    try NPY.write([("arr_0", NPY.encode([1, 2], shape: [2], dtype: .uint8)), ("b", NPY.encode([3], shape: [1], dtype: .uint8))], to: path)
    #expect(try NPY.read(path).ints() == [1, 2])
    #expect(try NPY.read(path, array: "b").ints() == [3])
    let error = #expect(throws: ArrayError.self) { try NPY.read(path, array: "c") }
    #expect(error?.description == "\(path): expected an array 'c', found arr_0, b")
  }
}
