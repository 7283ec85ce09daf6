internal import CArchive
import Failures
import Foundation

/// The bytes of a file, front to back, decompressed when it is gzip. Gzip is detected from the first two bytes, not from the name.
///
/// No header decides an allocation: an array grows only with bytes that are there. The checksum of a gzip file
/// stands at its end, so bytes read are known to be right once `readToEnd` or `expectEnd` has returned.
///
///     let file = try ByteReader(path: "train-labels-idx1-ubyte.gz")
///     let header = try file.read(count: 8)
///     let labels = try file.read(count: 60_000)
///     try file.expectEnd()
public final class ByteReader {
  public let path: String
  public let isCompressed: Bool
  /// Bytes read so far, counted after decompression.
  public private(set) var offset = 0

  private let archive: OpaquePointer
  private let fileSize: Int
  private var trailers: GzipTrailers?
  private var block = UnsafeRawBufferPointer(start: nil, count: 0)
  private var end = End.ahead

  /// The memory that libarchive reads from, where there is no file.
  private var memory: NSData?

  private enum End { case ahead, reached, failed(ArchiveError) }

  /// Opens a regular file and reads its first bytes.
  /// - Throws: `ArchiveError` when there is no such file, it is not a regular file or may not be read, or its gzip header is damaged.
  public convenience init(path: String) throws(ArchiveError) {
    let file = try Self.map(path)
    try self.init(path, file, isCompressed: file.starts(with: [0x1F, 0x8B])) { archive_read_open_filename($0, path, 1 << 16) }
  }

  /// Reads a gzip file that is in memory.
  /// - Parameter name: its name in errors.
  /// - Throws: `ArchiveError` when its header is damaged.
  convenience init(compressed bytes: [UInt8], name: String) throws(ArchiveError) {
    let memory = NSData(bytes: bytes, length: bytes.count)
    try self.init(name, memory as Data, isCompressed: true) { archive_read_open_memory($0, memory.bytes, memory.length) }
    self.memory = memory
  }

  private init(_ path: String, _ file: Data, isCompressed: Bool, open: (OpaquePointer) -> Int32) throws(ArchiveError) {
    self.path = path
    fileSize = file.count
    self.isCompressed = isCompressed
    trailers = isCompressed ? GzipTrailers(file: file) : nil
    archive = archive_read_new()
    guard !isCompressed || fileSize >= 18 else { throw fail(.truncated("no room for a gzip header and trailer")) }
    // Appended, not merely supported: else libarchive would also decompress content that is itself gzip.
    if isCompressed { archive_read_append_filter(archive, ARCHIVE_FILTER_GZIP) }
    archive_read_support_format_raw(archive)
    archive_read_support_format_empty(archive)
    guard open(archive) == ARCHIVE_OK else { throw failure() }
    var entry: OpaquePointer?
    switch archive_read_next_header(archive, &entry) {
    case ARCHIVE_OK: break
    case ARCHIVE_EOF: try finish()
    default: throw failure()
    }
  }

  deinit { archive_read_free(archive) }

  /// Exactly `count` bytes.
  /// - Throws: `ArchiveError`, `truncated` when fewer are left.
  public func read(count: Int) throws(ArchiveError) -> [UInt8] {
    precondition(count >= 0, "read(count:) wants a count of 0 or more, not \(count)")
    let bytes = try take(upTo: count)
    guard bytes.count == count else {
      throw ArchiveError(path, .truncated("expected \(count) bytes from byte \(offset - bytes.count) on, found \(bytes.count)"))
    }
    return bytes
  }

  /// The next bytes, as many as `count` unless fewer are left; none at the verified end.
  func read(upTo count: Int) throws(ArchiveError) -> [UInt8] { try take(upTo: count) }

  /// All bytes that are left, verified.
  /// - Parameter limit: the most bytes to accept; a small file can decompress to a thousand times its size.
  /// - Throws: `ArchiveError`, `overLimit` when there are more.
  public func readToEnd(limit: Int) throws(ArchiveError) -> [UInt8] {
    let bytes = try take(upTo: limit)
    guard try !hasMore() else { throw ArchiveError(path, .overLimit(limit)) }
    return bytes
  }

  /// Makes sure that nothing is left, and that a gzip file's checksums agree with what was read.
  /// - Throws: `ArchiveError`, `trailingBytes` when something is left.
  public func expectEnd() throws(ArchiveError) {
    guard try !hasMore() else { throw ArchiveError(path, .trailingBytes(block.count)) }
  }

  /// The next bytes as they come, without a copy, valid until the next call; nil at the verified end.
  func nextBlock() throws(ArchiveError) -> UnsafeRawBufferPointer? {
    guard try hasMore() else { return nil }
    defer { block = UnsafeRawBufferPointer(start: nil, count: 0) }
    offset += block.count
    return block
  }

  private func take(upTo count: Int) throws(ArchiveError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, isCompressed ? 1 << 26 : max(0, fileSize - offset)))
    while bytes.count < count, try hasMore() {
      let part = min(count - bytes.count, block.count)
      bytes.append(contentsOf: block[..<part])
      block = UnsafeRawBufferPointer(rebasing: block[part...])
      offset += part
    }
    return bytes
  }

  /// Makes `block` hold something, unless the end is reached.
  private func hasMore() throws(ArchiveError) -> Bool {
    while block.isEmpty {
      switch end {
      case .failed(let error): throw error
      case .reached: return false
      case .ahead: try refill()
      }
    }
    return true
  }

  private func refill() throws(ArchiveError) {
    var start: UnsafeRawPointer?
    var count = 0
    var position: la_int64_t = 0
    switch archive_read_data_block(archive, &start, &count, &position) {
    case ARCHIVE_OK:
      block = UnsafeRawBufferPointer(start: start, count: count)
      trailers?.consume(block)
    case ARCHIVE_EOF: try finish()
    default: throw failure()
    }
  }

  /// libarchive has seen the end: was it the end of the file, and did the right bytes come out?
  private func finish() throws(ArchiveError) {
    end = .reached
    guard var trailers else { return }
    trailers.closeMembers()
    let left = fileSize - Int(archive_filter_bytes(archive, -1))
    // libarchive reports an error before the first byte as an empty file.
    if offset == 0, !trailers.isSatisfied {
      throw fail(left >= 8 ? .damaged("the gzip data cannot be decompressed") : .truncated("the gzip data have no end"))
    }
    if left > 0 { throw fail(.trailingBytes(left)) }
    if !trailers.isSatisfied { throw fail(.damaged("what it holds does not agree with its gzip checksum or length")) }
  }

  /// libarchive's problem, in our words.
  private func failure() -> ArchiveError {
    let reason = archive_error_string(archive).map { String(cString: $0) }
    if !isCompressed { return fail(.unreadable(reason ?? "the system gives no reason")) }
    // A missing trailer is the one error that libarchive reports without a message.
    let isCut = reason?.hasPrefix("truncated") ?? true
    return fail(isCut ? .truncated("the gzip data have no end") : .damaged("the gzip data cannot be decompressed"))
  }

  private func fail(_ problem: ArchiveError.Problem) -> ArchiveError {
    let error = ArchiveError(path, problem)
    end = .failed(error)
    return error
  }

  private static func map(_ path: String) throws(ArchiveError) -> Data {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw ArchiveError(path, errno == ENOENT ? .notFound : .unreadable(String(cString: strerror(errno))))
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw ArchiveError(path, .notAFile) }
    do { return try Data(contentsOf: URL(fileURLWithPath: path.urlPath), options: .alwaysMapped) } catch {
      throw ArchiveError(path, .unreadable("permission denied, or the file changed meanwhile"))
    }
  }
}
