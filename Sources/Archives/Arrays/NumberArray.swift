import Foundation

/// An array of numpy, found by its first index: read where it lies in an `.npy` file or uncompressed `.npz`, else held in memory.
package struct NumberArray {
  /// What reports call it.
  package let name: String
  package let shape: [Int]
  private let header: NPYHeader
  private let file: ByteStore
  /// The numbers, where they had to be put into another order.
  private let reordered: [UInt8]?

  /// The most bytes of an array that must be put into another order.
  package static let reorderLimit = 1 << 30
  /// The most bytes that are taken into memory of a compressed array: a quarter of the machine's, 8 GiB at most. A small file can
  /// promise a thousand times its size.
  package static let memoryLimit = Int(clamping: min(1 << 33, ProcessInfo.processInfo.physicalMemory / 4))

  package var count: Int { shape.first ?? 0 }
  /// The type of its elements by numpy, in little-endian order: "<f4", "|u1".
  package var code: String { "\(header.elementSize == 1 ? "|" : "<")\(header.kind.rawValue)\(header.elementSize)" }
  /// Numbers for each first index.
  package var rowLength: Int { shape.dropFirst().reduce(1, *) }
  /// One unsigned byte for each number.
  package var isBytes: Bool { header.kind == .unsigned && header.elementSize == 1 }
  package var isFloat: Bool { header.kind == .float }
  /// Unsigned numbers of 16 bits, as scanners and microscopes write them.
  package var isUnsigned16: Bool { header.kind == .unsigned && header.elementSize == 2 }
  package var isBoolean: Bool { header.kind == .boolean }

  /// - Parameter path: of an `.npy` file, gzip or plain, or of an `.npz` and the array in it: `samples.npz/arr_0`.
  /// - Throws: `ArchiveError`, `ArrayError` when it cannot be read, does not hold what it says or is too large.
  package init(path: String) throws {
    let path = NPZFile.entryPath(path)
    let start = try ByteStore.start(of: path, upTo: NPYHeader.longestStart)
    header = try start.withUnsafeBytes { try NPYHeader(parsing: $0, name: path) }
    shape = header.shape
    file = try Self.open(path, header)
    name = file.name
    guard file.count - header.dataOffset == header.byteCount else {
      let found = file.count - header.dataOffset
      throw ArrayError(name, .byteCount(shape: header.shapeText, expected: header.byteCount, found: found))
    }
    guard header.isColumnMajor, shape.count > 1 else {
      reordered = nil
      return
    }
    guard header.byteCount <= Self.reorderLimit else { throw ArrayError(name, .columnMajor(bytes: header.byteCount)) }
    let bytes = try file.read(header.dataOffset..<file.count)
    reordered = Self.rowMajor(bytes, shape: shape, size: header.elementSize)
  }

  /// Reads no more bytes than the header states.
  private static func open(_ path: String, _ header: NPYHeader) throws -> ByteStore {
    let isTooLarge = header.byteCount > memoryLimit
    let end = isTooLarge ? 0 : header.dataOffset + header.byteCount
    do { return try ByteStore(path: path, limit: end) } catch {
      if case .expansion(_, let limit) = error.problem { throw ArrayError(path, .compressed(bytes: header.byteCount, limit: limit)) }
      guard case .overLimit = error.problem else { throw error }
      throw ArrayError(path, isTooLarge ? .compressed(bytes: header.byteCount, limit: memoryLimit) : .overLimit(bytes: end))
    }
  }

  /// The bytes of the numbers of some first indices, as they are in the file.
  /// - Throws: `ArchiveError` when the file has changed since it was opened.
  package func bytes(_ rows: Range<Int>) throws(ArchiveError) -> [UInt8] {
    let size = rowLength * header.elementSize
    let range = (rows.lowerBound * size)..<(rows.upperBound * size)
    if let reordered { return Array(reordered[range]) }
    return try file.read((header.dataOffset + range.lowerBound)..<(header.dataOffset + range.upperBound))
  }

  /// All elements in row-major order, least significant byte first.
  package func littleEndianBytes() throws(ArchiveError) -> [UInt8] {
    let bytes = if let reordered { reordered } else { try file.read(header.dataOffset..<file.count) }
    guard header.isBigEndian else { return bytes }
    let size = header.elementSize
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, filled in
      for index in bytes.indices { buffer[index] = bytes[index - index % size + size - 1 - index % size] }
      filled = bytes.count
    }
  }

  /// The numbers of some first indices. Whole numbers beyond 2 to the power of 53 are rounded.
  package func numbers(_ rows: Range<Int>) throws(ArchiveError) -> [Double] {
    let bytes = try bytes(rows)
    func whole<T: FixedWidthInteger>(_ type: T.Type) -> [Double] {
      map(bytes, as: type) { Double(header.isBigEndian ? T(bigEndian: $0) : T(littleEndian: $0)) }
    }
    func order<T: FixedWidthInteger>(_ bits: T) -> T { header.isBigEndian ? T(bigEndian: bits) : T(littleEndian: bits) }
    switch (header.kind, header.elementSize) {
    case (.float, 8): return map(bytes, as: UInt64.self) { Double(bitPattern: order($0)) }
    case (.float, 4): return map(bytes, as: UInt32.self) { Double(Float(bitPattern: order($0))) }
    case (.float, _): return map(bytes, as: UInt16.self) { Self.half(order($0)) }
    case (.signed, 8): return whole(Int64.self)
    case (.signed, 4): return whole(Int32.self)
    case (.signed, 2): return whole(Int16.self)
    case (.signed, _): return whole(Int8.self)
    case (.unsigned, 8): return whole(UInt64.self)
    case (.unsigned, 4): return whole(UInt32.self)
    case (.unsigned, 2): return whole(UInt16.self)
    case (.unsigned, _): return whole(UInt8.self)
    case (.boolean, _): return bytes.map { $0 == 0 ? 0 : 1 }
    }
  }

  private func map<T>(_ bytes: [UInt8], as type: T.Type, _ value: (T) -> Double) -> [Double] {
    bytes.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: MemoryLayout<T>.size).map { value(buffer.loadUnaligned(fromByteOffset: $0, as: type)) }
    }
  }

  /// A float of 16 bits (IEEE 754, binary16): a sign, 5 bits of exponent, 10 of fraction.
  package static func half(_ bits: UInt16) -> Double {
    let exponent = Int(bits >> 10 & 0x1F), fraction = Double(bits & 0x3FF)
    let sign = bits >> 15 == 0 ? 1.0 : -1.0
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction * 0x1p-10)
    }
  }

  /// The elements with the last index fastest, of those with the first index fastest.
  package static func rowMajor(_ bytes: [UInt8], shape: [Int], size: Int) -> [UInt8] {
    var strides: [Int] = [], step = size
    for length in shape {
      strides.append(step)
      step *= length
    }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = shape.map { _ in 0 }, from = 0
    for _ in 0..<(bytes.count / size) {
      for byte in 0..<size { result.append(bytes[from + byte]) }
      for axis in shape.indices.reversed() {
        index[axis] += 1
        from += strides[axis]
        if index[axis] < shape[axis] { break }
        from -= strides[axis] * shape[axis]
        index[axis] = 0
      }
    }
    return result
  }
}
