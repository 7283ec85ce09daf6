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
  /// Whether the file has the content of an earlier run.
  public let wasKept: Bool
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
    do { (memory, wasKept) = try Self.map(descriptor, path, count, keeping: keeping) } catch {
      close(descriptor)
      throw error
    }
  }

  private static func map(
    _ descriptor: Int32, _ path: String, _ count: Int, keeping: Bool
  ) throws -> (memory: UnsafeMutableRawBufferPointer, wasKept: Bool) {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw failure(path, "cannot be read", errno) }
    let wasKept = Int(facts.st_size) == count
    if !wasKept {
      guard !keeping || facts.st_size == 0 else {
        throw SfumatoError(.data, "\(path): has \(facts.st_size) bytes; expected \(count); delete it to begin anew")
      }
      try allocate(descriptor, path, count)
    }
    guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
      throw failure(path, "cannot be mapped", errno)
    }
    return (UnsafeMutableRawBufferPointer(start: start, count: count), wasKept)
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
    let stored = view(rows, columns)
    switch samples {
    case .float32: return stored.permute(0, 3, 1, 2).clone()
    case .uint8: return (stored.to(.float32) / 255).permute(0, 3, 1, 2)
    case .uint16:
      let bytes = stored.reshape(1, rows.count, columns.count, channels, 2).to(.float32)
      return ((bytes.select(4, 0) + 256 * bytes.select(4, 1)) / 65_535).permute(0, 3, 1, 2)
    }
  }

  /// The same with what lies beyond the border mirrored at the border's pixels, as often as it takes.
  /// - Parameters: rows, columns: from 0 on, or less.
  public func readMirrored(rows: Range<Int>, columns: Range<Int>) -> Tensor {
    let (inside, across) = (Mirroring(rows, length: height), Mirroring(columns, length: width))
    let part = read(rows: inside.source, columns: across.source)
    return across.applied(to: inside.applied(to: part, axis: 2), axis: 3)
  }

  /// Writes a rectangle; whole samples are rounded, and what lies beyond 0 and 1 is clamped.
  /// - Parameter tensor: `[1, C, rows, columns]`, float32.
  /// - Throws: `TorchFault` of the computation.
  /// - Precondition: the rectangle lies in the picture.
  public func write(_ tensor: Tensor, row: Int, column: Int = 0) throws {
    let shape = try tensor.validated().shape
    precondition(shape.count == 4 && shape[0] == 1 && shape[1] == channels, "a part \(shape) of \(path), which has \(channels) channels")
    let target = view(row..<(row + shape[2]), column..<(column + shape[3])), interleaved = tensor.permute(0, 2, 3, 1)
    switch samples {
    case .float32: try InPlace.copy(interleaved, into: target)
    case .uint8: try InPlace.copy((Self.unit(interleaved) * 255 + 0.5).to(.uint8), into: target)
    case .uint16:
      let whole = (Self.unit(interleaved) * 65_535 + 0.5).floor(), high = (whole / 256).floor()
      let bytes = Tensor.stack([whole - 256 * high, high], dim: 4).to(.uint8)
      try InPlace.copy(bytes.reshape(1, shape[2], shape[3], 2 * channels), into: target)
    }
  }

  /// Within 0 and 1; what a broken network gives, such as NaN, is black.
  private static func unit(_ x: Tensor) -> Tensor { .where(x.isFinite(), x.clamp(0...1), .zeros(like: x)) }

  /// A view of stored samples, `[1, rows, columns, C]`; of those of 16 bits their bytes, the lower first, `[1, rows, columns, 2 C]`.
  private func view(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    check(rows, columns)
    // libtorch computes little with 16 bits.
    let (count, dtype): (Int, DType) = samples == .uint16 ? (2 * channels, .uint8) : (channels, samples == .uint8 ? .uint8 : .float32)
    let start = UnsafeRawPointer(memory.baseAddress! + rows.lowerBound * rowBytes)
    return Tensor(borrowing: start, [1, rows.count, width, count], dtype, owner: self).narrow(2, columns.lowerBound, columns.count)
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

  private func check(_ rows: Range<Int>, _ columns: Range<Int>) {
    precondition(!rows.isEmpty && !columns.isEmpty, "an empty part of \(path)")
    precondition(rows.lowerBound >= 0 && rows.upperBound <= height, "rows \(rows) of \(path), which has \(height)")
    precondition(columns.lowerBound >= 0 && columns.upperBound <= width, "columns \(columns) of \(path), which has \(width)")
  }
}
