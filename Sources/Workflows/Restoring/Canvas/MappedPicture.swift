import Failures
import Foundation
import Tensors

/// Samples of a picture in a mapped file, rows from the top, channels interleaved: memory that the system writes to disk and takes back as
/// it needs, so that a picture larger than the machine's memory is read and written by parts.
///
/// Not Sendable: it belongs to the thread that computes.
public final class MappedPicture {
  public enum Samples: Int, Sendable {
    case uint8 = 1
    case uint16 = 2
    case float32 = 4

    var bytes: Int { rawValue }
  }

  public let path: String
  public let width: Int, height: Int, channels: Int, samples: Samples
  private let memory: UnsafeMutableRawBufferPointer
  private let descriptor: Int32

  /// Bytes of a row.
  var rowBytes: Int { width * channels * samples.bytes }

  /// The bytes on disk of a picture; nil where they exceed any disk.
  public static func bytes(width: Int, height: Int, channels: Int, samples: Samples) -> Int? {
    var total = samples.bytes
    for count in [width, height, channels] {
      let (product, overflow) = total.multipliedReportingOverflow(by: count)
      guard count > 0, !overflow, product < 1 << 50 else { return nil }
      total = product
    }
    return total
  }

  /// A picture of zeros in a new file, or, with `keeping`, in a file of exactly that size which an earlier run left.
  /// - Throws: `SfumatoError` of class I/O when the file cannot be made or the disk is too full.
  public init(
    at path: String, width: Int, height: Int, channels: Int, samples: Samples, keeping: Bool = false
  ) throws {
    guard let count = Self.bytes(width: width, height: height, channels: channels, samples: samples) else {
      throw SfumatoError(.data, "\(path): a picture of \(width) x \(height) x \(channels) is too large for any disk")
    }
    (self.path, self.width, self.height, self.channels, self.samples) = (path, width, height, channels, samples)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (keeping ? 0 : O_TRUNC), 0o600)
    guard descriptor >= 0 else { throw Self.failure(path, "cannot be created", errno) }
    do { memory = try Self.map(descriptor, path, count, keeping: keeping) } catch {
      close(descriptor)
      throw error
    }
  }

  private static func map(_ descriptor: Int32, _ path: String, _ count: Int, keeping: Bool) throws -> UnsafeMutableRawBufferPointer {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw failure(path, "cannot be read", errno) }
    if Int(facts.st_size) != count {
      guard !keeping || facts.st_size == 0 else {
        throw SfumatoError(.data, "\(path): has \(facts.st_size) bytes; expected \(count); delete it to begin anew")
      }
      try allocate(descriptor, path, count)
    }
    guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
      throw failure(path, "cannot be mapped", errno)
    }
    return UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  /// Reserves the blocks at once: writing to a mapped page that the disk has no room for would end the process.
  private static func allocate(_ descriptor: Int32, _ path: String, _ count: Int) throws {
    #if os(Linux)
      let status = posix_fallocate(descriptor, 0, off_t(count))
      guard status == 0 else { throw failure(path, "cannot hold \(count) bytes", status) }
    #else
      guard ftruncate(descriptor, off_t(count)) == 0 else { throw failure(path, "cannot hold \(count) bytes", errno) }
    #endif
  }

  private static func failure(_ path: String, _ what: String, _ code: Int32) -> SfumatoError {
    SfumatoError(.io, "\(path): \(what): \(String(cString: strerror(code)))")
  }

  deinit {
    munmap(memory.baseAddress, memory.count)
    close(descriptor)
  }
}

// MARK: Parts

extension MappedPicture {
  /// A copy of a rectangle: `[1, C, rows, columns]` float32, from 0 to 1 where samples are whole numbers, as stored where they are float32.
  /// - Precondition: the rectangle lies in the picture and is not empty.
  public func read(rows: Range<Int>, columns: Range<Int>) -> Tensor {
    check(rows, columns)
    var packed = [UInt8](repeating: 0, count: rows.count * columns.count * channels * samples.bytes)
    let line = columns.count * channels * samples.bytes
    packed.withUnsafeMutableBytes { target in
      for (index, row) in rows.enumerated() {
        memcpy(target.baseAddress! + index * line, memory.baseAddress! + offset(row, columns.lowerBound), line)
      }
    }
    let shape = [1, rows.count, columns.count, channels]
    return packed.withUnsafeBytes { tensor(from: $0, shape) }.permute(0, 3, 1, 2)
  }

  private func tensor(from bytes: UnsafeRawBufferPointer, _ shape: [Int]) -> Tensor {
    switch samples {
    case .float32: Tensor(bytes: bytes, shape, .float32)
    case .uint8: Tensor(bytes: bytes, shape, .uint8).to(.float32) / 255
    // libtorch computes little with 16 bits.
    case .uint16: Tensor(bytes.bindMemory(to: UInt16.self).map { Float($0) / 65_535 }, shape)
    }
  }

  /// Writes a rectangle; whole samples are rounded, and what lies beyond 0 and 1 is clamped.
  /// - Parameter tensor: `[1, C, rows, columns]`, float32.
  /// - Throws: `TorchFault` of the computation.
  /// - Precondition: the rectangle lies in the picture.
  public func write(_ tensor: Tensor, row: Int, column: Int = 0) throws {
    let shape = try tensor.validated().shape
    let rows = row..<(row + shape[2]), columns = column..<(column + shape[3])
    check(rows, columns)
    let interleaved = tensor.permute(0, 2, 3, 1)
    switch samples {
    case .float32: put(try interleaved.contiguous().floats(), rows, columns)
    case .uint8: put(try (interleaved.clamp(0...1) * 255 + 0.5).uint8s(), rows, columns)
    case .uint16:
      // What a broken network gives, such as NaN, is black.
      let values = try (interleaved.clamp(0...1) * 65_535 + 0.5).floats()
      put(values.map { $0.isFinite ? UInt16($0) : 0 }, rows, columns)
    }
  }

  private func put<Sample>(_ values: [Sample], _ rows: Range<Int>, _ columns: Range<Int>) {
    let line = columns.count * channels * samples.bytes
    values.withUnsafeBytes { source in
      for (index, row) in rows.enumerated() {
        memcpy(memory.baseAddress! + offset(row, columns.lowerBound), source.baseAddress! + index * line, line)
      }
    }
  }

  /// The stored bytes of whole rows, for a decoder to fill or an encoder to read.
  public func withRows<Result>(_ rows: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
    check(rows, 0..<width)
    return try body(UnsafeMutableRawBufferPointer(rebasing: memory[(rows.lowerBound * rowBytes)..<(rows.upperBound * rowBytes)]))
  }

  /// Brings rows to the disk, so that they survive a crash of the machine.
  public func synchronize(rows: Range<Int>) throws {
    let (start, count) = pages(rows)
    guard msync(memory.baseAddress! + start, count, MS_SYNC) == 0 else { throw Self.failure(path, "cannot be written", errno) }
  }

  /// Lets the system take the memory of rows that are not needed soon.
  public func release(rows: Range<Int>) {
    let (start, count) = pages(rows)
    madvise(memory.baseAddress! + start, count, MADV_DONTNEED)
  }

  private func pages(_ rows: Range<Int>) -> (start: Int, count: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = rows.lowerBound * rowBytes / page * page
    return (start, rows.upperBound * rowBytes - start)
  }

  private func offset(_ row: Int, _ column: Int) -> Int { row * rowBytes + column * channels * samples.bytes }

  private func check(_ rows: Range<Int>, _ columns: Range<Int>) {
    precondition(!rows.isEmpty && !columns.isEmpty, "an empty part of \(path)")
    precondition(rows.lowerBound >= 0 && rows.upperBound <= height, "rows \(rows) of \(path), which has \(height)")
    precondition(columns.lowerBound >= 0 && columns.upperBound <= width, "columns \(columns) of \(path), which has \(width)")
  }
}
