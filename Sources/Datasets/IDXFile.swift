import Archives

/// An IDX file of unsigned bytes, gzip or plain: the format in which MNIST is distributed.
///
/// Two zero bytes, the type of the numbers, the number of dimensions, each dimension as 32 bits big-endian, then the bytes, the
/// last dimension fastest. (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".)
struct IDXFile {
  let shape: [Int]
  let bytes: [UInt8]

  /// More than this is not loaded into memory.
  static let byteLimit = 1 << 33

  /// - Parameters:
  ///   - rank: how many dimensions the file must have.
  ///   - meaning: what errors call that many dimensions.
  /// - Throws: `DatasetError`. No promise of the header is believed before the bytes are there.
  init(path: String, rank: Int, meaning: String) throws {
    do {
      let reader = try ByteReader(path: path)
      let start = try reader.read(count: 4)
      guard start[0] == 0, start[1] == 0 else { throw DatasetError(path, .notIDX(start: start)) }
      guard start[2] == 0x08 else { throw DatasetError(path, .elementType(start[2])) }
      guard start[3] == rank else { throw DatasetError(path, .rank(expected: meaning, found: Int(start[3]))) }
      let header = try reader.read(count: 4 * rank)
      shape = stride(from: 0, to: header.count, by: 4).map { at in
        header[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
      }
      guard let expected = Self.byteCount(shape) else {
        throw DatasetError(path, .impossibleShape(shape, limit: Self.byteLimit))
      }
      bytes = try Self.content(of: reader, shape: shape, expected: expected)
    } catch let error as ArchiveError {
      throw DatasetError(path, .unreadable(error))
    }
  }

  private static func content(of reader: ByteReader, shape: [Int], expected: Int) throws -> [UInt8] {
    do {
      let bytes = try reader.readToEnd(limit: expected)
      guard bytes.count == expected else {
        throw DatasetError(reader.path, .tooFewBytes(shape: shape, expected: expected, found: bytes.count))
      }
      return bytes
    } catch let error as ArchiveError where error.problem == .overLimit(expected) {
      throw DatasetError(reader.path, .tooManyBytes(shape: shape, expected: expected))
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
