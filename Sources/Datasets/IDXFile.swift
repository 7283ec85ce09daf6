import Archives
import Failures

/// An IDX file of unsigned bytes, gzip or plain, also within a zip or tar: the format in which MNIST is distributed.
///
/// Two zero bytes, the type of the numbers, the number of dimensions, each dimension as 32 bits big-endian, then the bytes, the
/// last dimension fastest. (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".)
struct IDXFile {
  let shape: [Int]
  private let path: String
  private let file: ByteStore

  /// The most bytes to load into memory.
  static let byteLimit = 1 << 33

  /// The length of the header.
  private var headerSize: Int { 4 + 4 * shape.count }

  /// - Parameters:
  ///   - ranks: how many dimensions the file may have.
  ///   - meaning: what errors call that many dimensions.
  /// - Throws: `DatasetError`. No number of the header is trusted before the bytes are there.
  init(path: String, ranks: ClosedRange<Int>, meaning: String) throws {
    self.path = path
    do {
      let start = try ByteStore.start(of: path, count: 4)
      guard start[0] == 0, start[1] == 0 else {
        let foreign = ForeignFormat(try ByteStore.start(of: path, upTo: ForeignFormat.startLength))
        throw foreign.map { DatasetError(.data, path, $0.problem(expected: "an IDX file")) } ?? DatasetError(path, .notIDX(start: start))
      }
      guard start[2] == 0x08 else { throw DatasetError(path, .elementType(start[2])) }
      guard ranks.contains(Int(start[3])) else { throw DatasetError(path, .rank(expected: meaning, found: Int(start[3]))) }
      let header = try ByteStore.start(of: path, count: 4 + 4 * Int(start[3]))
      shape = stride(from: 4, to: header.count, by: 4).map { at in
        header[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
      }
      guard let expected = Self.byteCount(shape) else {
        throw DatasetError(path, .impossibleShape(shape, limit: Self.byteLimit))
      }
      file = try Self.whole(path, shape: shape, header: header.count, expected: expected)
    } catch let error as ArchiveError {
      throw DatasetError(path, .unreadable(error))
    }
  }

  /// The bytes of one index of the first dimension, or of several in a row.
  /// - Throws: `DatasetError` when the file has changed since it was opened.
  func bytes(_ range: Range<Int>) throws -> [UInt8] {
    let size = shape.dropFirst().reduce(1, *)
    do {
      return try file.read((headerSize + range.lowerBound * size)..<(headerSize + range.upperBound * size))
    } catch { throw DatasetError(path, .unreadable(error)) }
  }

  private static func whole(_ path: String, shape: [Int], header: Int, expected: Int) throws -> ByteStore {
    do {
      let file = try ByteStore(path: path, limit: header + expected)
      guard file.count >= header + expected else {
        throw DatasetError(path, .tooFewBytes(shape: shape, expected: expected, found: file.count - header))
      }
      // A plain file is not loaded, so that no limit stops it.
      guard file.count == header + expected else { throw DatasetError(path, .tooManyBytes(shape: shape, expected: expected)) }
      return file
    } catch let error as ArchiveError where error.problem == .overLimit(header + expected) {
      throw DatasetError(path, .tooManyBytes(shape: shape, expected: expected))
    }
  }

  /// The product of the dimensions; nil when one is zero or when it exceeds the limit, without overflow on the way.
  private static func byteCount(_ shape: [Int]) -> Int? {
    var product = 1
    for dimension in shape {
      guard dimension > 0, dimension <= byteLimit / product else { return nil }
      product *= dimension
    }
    return product
  }
}
